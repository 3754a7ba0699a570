"""What the forge reads is well-formed, and runs what there is."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_workflow_runs_scripts_of_the_repository_with_every_python_that_is_declared() -> None:
    (job,) = read(".github/workflows/ci.yml")["jobs"].values()
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert scripts == [".ci/run"]
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)
    classified = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", one)]
    assert job["strategy"]["matrix"]["python"] == classified


def test_workflow_names_the_python_as_the_makefile_takes_it() -> None:
    (job,) = read(".github/workflows/ci.yml")["jobs"].values()
    (variable,) = job["env"]
    assert re.search(rf"^{variable} \?= ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_hooks_are_the_checks_of_make() -> None:
    (repo,) = read(".pre-commit-config.yaml")["repos"]
    hooks = [hook["entry"].removesuffix(" --force-exclude") for hook in repo["hooks"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe
    checks = [re.sub(r" --check| \.$", "", line).replace("$(BIN)", ".venv/bin") for line in recipe[1].split("\n\t")]
    assert hooks == [re.sub(r" \.$", "", check.strip()) for check in checks]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_form_of_an_issue_is_complete(form: Path) -> None:
    tables = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert tables["name"]
    assert tables["description"]
    ids = [part["id"] for part in tables["body"]]
    assert len(set(ids)) == len(ids) > 0
    assert all(part["attributes"]["label"] for part in tables["body"])
    assert {part["type"] for part in tables["body"]} <= {"textarea", "input", "dropdown"}
    assert any(part.get("validations", {}).get("required") for part in tables["body"])


def test_there_is_a_form_for_bugs_features_and_questions() -> None:
    assert [form.stem for form in FORMS] == ["bug", "feature", "question"]


def test_citation_and_changelog_are_of_this_version() -> None:
    citation = read("CITATION.cff")
    assert citation["version"] == PROJECT["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = dict(re.findall(r"^## \[(\d.*?)\] - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE))
    assert released[PROJECT["version"]] == str(citation["date-released"])
