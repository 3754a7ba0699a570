"""What passes for rounding is said in one place."""

import re
from pathlib import Path

import pytest

from node.mechanism import rounding

ROOT = Path(__file__).parents[2]
MODULES = [path for room in ("node", "scenarios", "broker", "bidswarm") for path in sorted((ROOT / room).rglob("*.py"))]


def test_no_other_module_has_a_tolerance_of_its_own() -> None:
    found = {path for path in MODULES if re.search(r"^_?\w*ROUNDING\w* = ", path.read_text("utf-8"), re.MULTILINE)}
    assert found == {ROOT / "node" / "mechanism" / "rounding.py"}


@pytest.mark.parametrize(
    ("finer", "coarser"),
    [("BOUND_ROUNDING", "SUM_ROUNDING"), ("SUM_ROUNDING", "ROUNDING"), ("ROUNDING", "FOREIGN_ROUNDING")],
)
def test_each_tolerance_is_far_below_the_next(finer: str, coarser: str) -> None:
    assert 0.0 < 100.0 * getattr(rounding, finer) < getattr(rounding, coarser)
