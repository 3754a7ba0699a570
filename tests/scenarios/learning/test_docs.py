"""docs/learning.md says what is so."""

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

import bidswarm.learning
from node.strategy.psp.policy import LEVELS, SLOT, Sight
from scenarios.learning.env import MarketEnv
from scenarios.study.learned_prices import Prices
from scenarios.study.learners import EXPLOITS, NEAR, SIZES, STAYS, Course, Job, played
from scenarios.study.learners_report import HEADS, NEAR_PRICES, PRICE_HEADS, Learners

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "learning.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "examples" / "learning"
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def first_cells(after: str) -> list[str]:
    """The names in the first column of the table after some words."""
    rows = re.findall(r"^\|(.*)\|$", PAGE.partition(after)[2].split("\n\n")[0], re.MULTILINE)
    return [name for row in rows[1:] for name in re.findall(r"`(\w+)`", row.split("|")[0])]


def test_example_runs() -> None:
    exec(compile(PYTHON[0], "learning.md", "exec"), {})


def test_docstring_runs() -> None:
    assert doctest.testmod(bidswarm.learning).failed == 0
    assert doctest.testmod(bidswarm.learning).attempted > 3


@pytest.mark.parametrize("text", PYTHON[1:])
def test_excerpts_stand_in_the_examples(text: str) -> None:
    match = re.match(r"# from (\w+\.py)\n", text)
    assert match is not None
    assert text.removeprefix(match[0]) in (EXAMPLES / match[1]).read_text(encoding="utf-8")


def test_parts_of_observations_are_those_that_there_are() -> None:
    assert first_cells("Anything above 1 is shown as 1.\n\n") == list(Sight.__dataclass_fields__)
    assert first_cells("what these MB cost in a second price auction |\n\n") == list(SLOT)
    assert PAGE.count(f"({LEVELS},)") + PAGE.count(f"(slots, {LEVELS})") == 3


def test_parameters_are_those_that_there_are() -> None:
    names = set(first_cells("env.step(np.full((3, 2), 0.5))\n```\n\n")) - {"buyer"}
    code = MarketEnv.__init__.__code__
    assert names == set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]) - {"self"}
    assert MarketEnv.__init__.__kwdefaults__["steps"] == 40
    assert MarketEnv.__init__.__kwdefaults__["step_s"] == 0.2


def test_what_counts_as_reached_is_said() -> None:
    assert (NEAR, STAYS, NEAR_PRICES) == (0.01, 0.9, 0.1)
    assert "a learned gap of\n1 % in nine of ten later looks" in PAGE
    assert EXPLOITS == 5
    assert "in\nfive more auctions" in PAGE
    assert "gain less than a tenth of what operators earn" in PAGE
    for heads in (HEADS, PRICE_HEADS):
        assert f"| {' | '.join(heads)} |" in PAGE
    assert all(f"| {size} |" in PAGE for size in SIZES)
    assert {"gap", "learned_gap", "regret", "efficiency"} < set(Course.__struct_fields__)
    assert {"distance", "gain"} < set(Prices.__struct_fields__)


def test_every_key_of_the_study_is_documented() -> None:
    fields = {name for kept in (Learners, Course, Prices) for name in kept.__struct_fields__}
    assert set(first_cells("| key of `summary.json` | meaning |\n")) == fields


def test_row_of_adaptive_at_one_seller_is_what_the_study_finds() -> None:
    plays = [played(Job(SIZES[0], "adaptive", is_alone=False, auctions=500, seed=seed)) for seed in range(5)]
    auctions = int(np.median([one.reached or 0 for one in plays]))
    gap = 100.0 * np.mean([np.mean(one.gap[-len(one.gap) // 10 :]) for one in plays])
    assert f"| 5 buyers, one seller | all adaptive | 5 of 5 | {auctions} | {gap:.2f} ±" in PAGE
