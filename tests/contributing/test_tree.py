"""The folders of the tests mirror those of the code, so that the tests of a file are found."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = ("mechanism", "strategy", "protocol", "runtime", "trace", "rounds")
CODE = {name: ROOT / "node" / name for name in NODE} | {
    name: ROOT / name for name in ("bidswarm", "broker", "scenarios")
}

APART = {
    "simulation": "whole markets in the simulated world",
    "mqtt": "whole markets over brokers",
    "oracles": "the dumb computations that mechanisms are compared with",
    "install": "set-up and packages",
    "benchmarks": "which markets benchmarks measure, and when they miss a bound",
    "contributing": "what contributors and the forge read",
    "examples": "packages of somebody else's, in examples",
    "absent": "stands in for extras that are not installed",
}
"""Folders that belong to no folder of the code, and why."""


def folders(of: Path) -> set[str]:
    """All folders below one that hold a Python file, as paths from there."""
    return {path.parent.relative_to(of).as_posix() for path in of.rglob("*.py")}


def test_every_folder_of_tests_mirrors_a_package_or_says_why_not() -> None:
    assert {path.name for path in (ROOT / "tests").iterdir() if any(path.rglob("*.py"))} == CODE.keys() | APART.keys()


@pytest.mark.parametrize("name", CODE)
def test_folders_below_are_those_of_the_package(name: str) -> None:
    assert folders(ROOT / "tests" / name) <= folders(CODE[name]) | {"."}
