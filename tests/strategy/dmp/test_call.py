import math
import re
from typing import Any

import pytest

from node.strategy.dmp import Call

GOOD: dict[str, Any] = {
    "price_weight": 0.5,
    "cost": 0.3,
    "reputation": 0.4,
    "rivals": (0.1, 0.2),
    "bidders": 3,
    "load": 0.9,
}


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("price_weight", 1.01, "price_weight must be in [0, 1], got 1.01: divide"),
        ("price_weight", -0.1, "price_weight must be finite and at least 0, got -0.1"),
        ("price_weight", math.nan, "price_weight must be finite and at least 0, got nan"),
        ("cost", -1.0, "cost must be finite and at least 0, got -1.0"),
        ("cost", math.inf, "cost must be finite and at least 0, got inf"),
        ("reputation", 2.0, "reputation must be in [0, 1], got 2.0"),
        ("rivals", (0.1, 5.0), "rivals must be in [0, 1], got 5.0"),
        ("rivals", (0.1,), "rivals must have bidders - 1 = 2 reputations, got 1: leave out the operator's own"),
        ("bidders", 0, "bidders must be at least 1, got 0: count the operator itself"),
        ("load", -0.5, "load must be finite and at least 0, got -0.5"),
        ("load", 10_000.0, "load must be at most 1000, got 10000.0: give a share of the capacity"),
    ],
)
def test_rejects_value_out_of_range_naming_it(field: str, value: object, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        Call(**{**GOOD, field: value})


@pytest.mark.parametrize("change", [{}, {"rivals": None}, {"rivals": (), "bidders": 1}, {"load": 1.5}, {"cost": 0.0}])
def test_takes_what_an_operator_may_know(change: dict[str, object]) -> None:
    Call(**{**GOOD, **change})
