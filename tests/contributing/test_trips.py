"""The trips through the code in docs/architecture.md are those that a run takes."""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from rich.console import Console

import bidswarm

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
STEP = re.compile(r"^\| `([\w/]+\.py)` \| `([\w.]+)` \|", re.MULTILINE)

Step = tuple[str, str]
"""A file and the function in it."""


SECTION = PAGE.partition("## Three trips through the code")[2].partition("\n## ")[0]


def trips() -> dict[str, list[Step]]:
    """Every trip of the page by its title."""
    titles = SECTION.split("\n### ")[1:]
    return {text.partition("\n")[0]: STEP.findall(text) for text in titles}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """Every call of a function of ours in a run, in order."""
    found: list[Step] = []
    root = f"{ROOT}/"

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (path := frame.f_code.co_filename).startswith(root):
            found.append((path.removeprefix(root), frame.f_code.co_qualname))

    former = sys.getprofile()
    sys.setprofile(note)
    try:
        result = bidswarm.run("two-sellers", world="sim", seed=3, out=tmp_path_factory.mktemp("runs"))
        result.print(Console(file=io.StringIO()))
    finally:
        sys.setprofile(former)
    return found


def missed(steps: list[Step], calls: Iterator[Step]) -> Step | None:
    """The first step that the calls do not take after the steps before it."""
    return next((step for step in steps if step not in calls), None)


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


@pytest.mark.parametrize("title", trips())
def test_a_run_takes_the_trip_in_the_order_of_the_page(title: str, calls: list[Step]) -> None:
    steps = trips()[title]
    assert len(steps) > 10
    assert missed(steps, iter(calls)) is None


def test_a_step_that_no_run_takes_is_noticed(calls: list[Step]) -> None:
    steps = next(iter(trips().values()))
    assert missed([*steps[1:], steps[0]], iter(calls)) == steps[0]
    assert missed([("scenarios/launch/run.py", "stroll")], iter(calls)) == ("scenarios/launch/run.py", "stroll")


def test_files_and_functions_that_the_page_names_beside_the_lists_exist() -> None:
    for function, path in re.findall(r"`(?:\w+\.)?(\w+)`\s+\(`([\w/]+\.py)`\)", SECTION):
        assert re.search(rf"\b(?:def|class) {function}\b", (ROOT / path).read_text(encoding="utf-8")), (function, path)
