"""CONTRIBUTING.md names what there is, and its first change goes as it says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROSE = re.sub(r"^ *```.*?^ *```", "", TEXT, flags=re.DOTALL | re.MULTILINE)

SPANS = re.findall(r"`([^`\n]+)`", PROSE)
PATHS = sorted({span for span in SPANS if re.fullmatch(r"[\w.-]+(/[\w.-]+)+", span)})
FILES = sorted({span for span in SPANS if re.fullmatch(r"\w+\.(py|md|lock)", span)})
LINKS = sorted(set(re.findall(r"\]\((?!https?:)([^)]+)\)", TEXT)))
NAMES_IN = sorted(set(re.findall(r"`(\w+)`\s+(?:in|of)\s+`([\w./]+)`", PROSE)))


@pytest.mark.parametrize("path", PATHS)
def test_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", FILES)
def test_file_named_without_its_folder_exists(name: str) -> None:
    assert (ROOT / name).exists() or list((ROOT / "node").rglob(name))


@pytest.mark.parametrize("link", LINKS)
def test_link_leads_to_a_page_and_a_heading_of_it(link: str) -> None:
    page, _, heading = link.partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert not heading or heading in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize(("name", "path"), NAMES_IN)
def test_name_stands_in_the_file_where_it_is_said_to_be(name: str, path: str) -> None:
    found = [ROOT / path] if (ROOT / path).is_file() else (ROOT / path).rglob("*.py")
    assert any(re.search(rf"\b{name}\b", file.read_text(encoding="utf-8")) for file in found)


def test_something_is_looked_at() -> None:
    assert min(len(PATHS), len(NAMES_IN)) >= 5
    assert len(LINKS) >= 10


def test_every_target_of_make_that_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"`make (\w+)`", PROSE))
    assert targets >= {"quick", "demo", "test", "check", "lock"}
    assert targets <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_first_change_goes_as_it_says(tmp_path: Path) -> None:
    """In a copy of the packages, so that the clone stays as it is."""
    for package in ("bidswarm", "broker", "node", "scenarios"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    show, check, run = re.findall(r"\.venv/bin/bidswarm (show .*|check .*|run .*)$", TEXT, re.MULTILINE)
    asked, _, path = show.partition(" > ")
    own = bidswarm(tmp_path, asked).replace('name = "two-sellers"', 'name = "three-sellers"')
    third = '\n[[sellers]]\nname = "3"\nsupply_mb = 10\nreserve_price_per_mb = 0.01\n'
    (tmp_path / path).write_text(own + third, encoding="utf-8")
    bidswarm(tmp_path, check)
    assert "three-sellers-seed1" in bidswarm(tmp_path, run)


def bidswarm(folder: Path, arguments: str) -> str:
    command = [sys.executable, "-m", "bidswarm", *arguments.split()]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
