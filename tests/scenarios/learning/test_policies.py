"""What is learned in an environment runs in scenarios: the examples, in the same world to the last digit."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bidswarm import load, run
from bidswarm.learning import BuyerEnv
from scenarios.errors import ScenarioError
from scenarios.markets.psp.market import theta

RECORDED = [0.64, 2.07, 0.67, 1.05, 1.46, 4.03, 5.34, 2.17, 1.22, -3.15, 0.08, 0.91, -0.19, 0.49]
"""What three short generations come to."""

EXAMPLES = Path(__file__).parents[3] / "examples" / "learning"


@pytest.fixture(scope="module")
def train() -> Iterator[Any]:
    """The module train of the example."""
    sys.path.insert(0, str(EXAMPLES))
    yield import_module("train")
    sys.path.remove(str(EXAMPLES))


def earned(world: str, seed: int, out: Path, *settings: str) -> float:
    """What the learner of the scenario has in the end, by the table of what was sold."""
    result: Any = run(
        str(EXAMPLES / "corner.toml"),
        world=world,
        seed=seed,
        out=out,
        pictures=False,
        settings=settings,  # type: ignore[arg-type]
    )
    assert result.summary.status == "settled"
    bought = [row for row in result.summary.allocations if row.buyer == "learner"]
    (buyer,) = (one for one in result.market.buyers if one.name == "learner")
    return theta(buyer).value(sum(row.quantity for row in bought)) - sum(row.charge for row in bought)


def weights() -> list[float]:
    """Those that the scenario has."""
    scenario: Any = load(str(EXAMPLES / "corner.toml"))
    kept: list[float] = scenario.buyers[1].strategy.keys["weights"]
    return kept


def in_env(train: Any, seed: int, **options: Any) -> float:
    env = BuyerEnv(train.MARKET, "learner", world="sim", steps=train.STEPS, step_s=train.STEP_S, **options)
    return float(train.earned(env, train.policy(weights()), seed))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_policy_earns_in_a_run_what_it_earns_in_the_environment(train: Any, seed: int, tmp_path: Path) -> None:
    assert earned("sim", seed, tmp_path) == pytest.approx(in_env(train, seed), rel=1e-9)


def test_what_was_learned_earns_more_than_adaptive_in_its_place(train: Any, tmp_path: Path) -> None:
    adaptive = [earned("sim", seed, tmp_path, "buyers.1.strategy={kind='adaptive'}") for seed in range(3)]
    assert min(in_env(train, seed) for seed in range(3)) > 1.2 * max(adaptive)


def test_generations_of_few_candidates_teach_it_something(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the recorded weights change, corner.toml has to be given those that train.py prints from then on."""
    for name, number in {"CANDIDATES": 8, "ELITE": 2, "MARKETS": 1}.items():
        monkeypatch.setattr(train, name, number)
    (_, first), _, (mean, last) = train.generations(3, seed=0)
    assert np.median(last) > np.median(first)
    assert mean.round(2).tolist() == RECORDED


def test_policy_without_act_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mute.py").write_text(
        "from bidswarm.psp import PolicyBase\n\nclass Mute(PolicyBase, frozen=True):\n    pass\n", encoding="utf-8"
    )
    (tmp_path / "mute.toml").write_text(
        (EXAMPLES / "corner.toml").read_text(encoding="utf-8").replace("bidder:Bidder", "mute:Mute"), encoding="utf-8"
    )
    with pytest.raises(ScenarioError, match=r"Mute in .*mute\.py lacks act"):
        load(str(tmp_path / "mute.toml"))
