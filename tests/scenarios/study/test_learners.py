"""The study of learners: its measures, by hand and by oracles, and small plays of each kind."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from node.mechanism.checks import FloatArray
from node.mechanism.dmp import PrivateEquilibrium
from node.runtime.streams import stream
from node.strategy.psp.adaptive import surplus
from node.strategy.psp.learners import EXPLORATION, RegretMatching, action_of
from node.strategy.psp.policy import LEVELS, Sight, Units
from node.strategy.random import Random
from scenarios.console import Log
from scenarios.learning.rounds import ArrayWorld
from scenarios.markets.psp.market import draw, theta
from scenarios.study import learned_prices, learners, learners_report
from scenarios.study.learned_prices import priced
from scenarios.study.learners import NEAR, Course, Job, Size, looks, played, reached
from scenarios.study.learners_report import Learners, of, print_learners, report_learners
from tests.conftest import Command
from tests.scenarios.study.pictures import check_png, check_svg

SMALL = Size(5, 1, 1)


def gaps(*near: bool) -> FloatArray:
    return np.where(near, 0.5 * NEAR, 2.0 * NEAR)


@pytest.mark.parametrize(
    ("near", "first"),
    [
        ([True] * 20, 1),
        ([False] * 5 + [True] * 15, 6),
        ([False] * 20, None),
        ([False] * 5 + [True] * 9 + [False] + [True] * 5, 6),
        ([False] * 5 + [True, False, False] + [True] * 12, 9),
        ([True, False] * 10, None),
        ([False] * 19 + [True], None),
    ],
)
def test_equilibrium_is_reached_where_bids_stay_next_to_it(near: list[bool], first: int | None) -> None:
    assert reached(range(1, 21), gaps(*near)) == first


def test_looks_are_many_at_first_and_end_with_the_last() -> None:
    found = sorted(looks(10_000))
    assert (found[:5], found[-1]) == ([1, 2, 3, 4, 5], 10_000)
    assert found[-1] - found[-2] > 500


@pytest.fixture(scope="module")
def adaptive() -> Course:
    return played(Job(SMALL, "adaptive", is_alone=False, auctions=120, seed=0))


def test_adaptive_reaches_an_equilibrium_and_with_it_the_optimum(adaptive: Course) -> None:
    assert adaptive.reached is not None
    assert adaptive.reached < 60
    assert adaptive.gap[-1] < 0.0013
    assert adaptive.learned_gap == adaptive.gap
    assert adaptive.regret == adaptive.regret_bound == []
    assert 1.0 - 1e-3 < adaptive.efficiency[-1] <= 1.0 + 1e-9


def test_regret_matching_reaches_it_at_one_seller() -> None:
    course = played(Job(SMALL, "regret-matching", is_alone=False, auctions=400, seed=0))
    assert course.reached is not None
    assert np.mean(course.gap[-20:]) < NEAR
    assert np.mean(course.learned_gap[-20:]) < NEAR
    assert np.mean(course.efficiency[-20:]) > 0.99


def test_exp3_is_far_from_it_for_as_long() -> None:
    course = played(Job(SMALL, "exp3", is_alone=False, auctions=400, seed=0))
    assert course.reached is None
    assert np.mean(course.learned_gap[-20:]) > 5.0 * NEAR


class Explorer:
    """Knows which arm to play, and explores a tenth of the time, as Exp3 does."""

    def __init__(self, random: Random, favourite: int) -> None:
        self.random, self.favourite = random, favourite

    def act(self, observation: FloatArray) -> FloatArray:
        explores = self.random.uniform(0.0, 1.0) < EXPLORATION
        arm = int(self.random.uniform(0.0, LEVELS)) if explores else self.favourite
        return action_of(Sight.of(observation), arm)


def test_who_knows_it_and_explores_has_reached_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where five explore, bids as played are far from any equilibrium in two auctions of five, whatever they know."""
    taught: list[RegretMatching] = []

    class Kept(RegretMatching):
        def __init__(self, random: Random) -> None:
            super().__init__(random)
            taught.append(self)

    monkeypatch.setattr(learners, "RegretMatching", Kept)
    played(Job(SMALL, "regret-matching", is_alone=False, auctions=400, seed=0))
    knowing = iter([one.favourite for one in taught])
    monkeypatch.setattr(learners, "Exp3", lambda random: Explorer(random, next(knowing)))
    course = played(Job(SMALL, "exp3", is_alone=False, auctions=100, seed=0))
    assert course.reached == 1
    assert max(course.learned_gap) < NEAR
    assert reached(course.auctions, np.array(course.gap)) is None


def test_regret_is_what_always_the_best_arm_would_have_brought_more() -> None:
    kind = Job(SMALL, "regret-matching", is_alone=True, auctions=60, seed=0)
    course = played(kind)
    market = draw(learners.scenario_of(SMALL), 0)
    world = ArrayWorld(market, ["buyer-1"], 1, market.auction.clearing_interval_s)
    policy = RegretMatching(stream(0, "buyer-1", "learning"))
    for _ in range(kind.auctions):
        world.step({"buyer-1": policy.act(world.observe()["buyer-1"])})
    policy.act(world.observe()["buyer-1"])  # it reckons up the last auction
    valuation = theta(market.buyers[0])
    shares = surplus(valuation, learners.RESERVE) / Units.of(valuation).money
    assert course.regret[-1] == pytest.approx(policy.regret.max() / kind.auctions / shares, rel=1e-9)
    assert course.regret_bound[-1] == pytest.approx(0.5 * math.sqrt(LEVELS / kind.auctions) / shares)
    assert all(regret < bound for regret, bound in zip(course.regret, course.regret_bound, strict=True))


def test_what_is_learned_is_asked_of_a_copy_of_the_market(monkeypatch: pytest.MonkeyPatch) -> None:
    first = played(Job(SMALL, "exp3", is_alone=True, auctions=30, seed=1))
    monkeypatch.setattr(learners, "EXPLOITS", 1)
    second = played(Job(SMALL, "exp3", is_alone=True, auctions=30, seed=1))
    assert first.gap == second.gap
    assert first.learned_gap != second.learned_gap


def test_one_learner_plays_among_adaptive_buyers(adaptive: Course) -> None:
    course = played(Job(SMALL, "regret-matching", is_alone=True, auctions=300, seed=0))
    assert 0.5 * adaptive.earned < course.earned < 1.1 * adaptive.earned
    assert np.mean(course.efficiency[-20:]) > 0.98


def test_a_play_is_the_same_again(adaptive: Course) -> None:
    assert played(Job(SMALL, "adaptive", is_alone=False, auctions=120, seed=0)) == adaptive
    first, second = (played(Job(SMALL, "exp3", is_alone=True, auctions=30, seed=1)) for _ in range(2))
    assert first == second


def test_operators_in_equilibrium_would_gain_nothing_and_be_at_no_distance() -> None:
    equilibrium = PrivateEquilibrium(0.75, learned_prices.OPERATORS)
    cost, reputation = np.random.default_rng(0).random((2, 20_000, learned_prices.OPERATORS))
    types = equilibrium.pseudo_type(cost, reputation)
    assert learned_prices._gain(equilibrium, types, equilibrium.compound(types)) < 2e-3
    assert learned_prices._gain(equilibrium, types, types + 0.2) > 5e-3


@pytest.mark.parametrize("knows_type", [False, True])
def test_operators_learn(knows_type: bool) -> None:
    prices = priced(learned_prices.Job(1.0, knows_type, 12_800, seed=0))
    assert prices.calls == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800]
    assert prices.distance[-1] < 0.8 * prices.distance[0]
    assert prices.gain[-1] < 0.8 * prices.gain[0]
    # Of three operators with uniform costs each earns 1/12 per call in equilibrium.
    assert prices.equilibrium_profit == pytest.approx(1.0 / 12.0, rel=0.03)
    assert min(prices.profit) > 0.0


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Learners, Path]:
    """A study of one small market and one price weight."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (learners, learners_report):
            patch.setattr(module, "SIZES", (SMALL,))
        patch.setattr(learners, "ADAPTIVE_ROUNDS", 80)
        patch.setattr(learners_report, "WEIGHTS", (1.0,))
        made, folder, pictures = report_learners(2, 100, tmp_path_factory.mktemp("study"), Log())
        assert not isinstance(pictures, str)
        with (folder / "printed.txt").open("w", encoding="utf-8") as file:
            print_learners(made, folder, pictures, Console(width=200, file=file))
    return made, folder


def test_study_has_a_play_of_each_kind_for_each_seed(found: tuple[Learners, Path]) -> None:
    made, _ = found
    kinds = {(one.bidders, one.is_alone, one.seed, one.auctions[-1]) for one in made.courses}
    assert kinds == {
        *(("adaptive", False, seed, 80) for seed in (0, 1)),
        *(("regret-matching", alone, seed, 20) for seed in (0, 1) for alone in (False, True)),
        *(("exp3", alone, seed, 100) for seed in (0, 1) for alone in (False, True)),
    }
    assert [(one.knows_type, one.seed, one.calls[-1]) for one in made.prices] == [
        (knows, seed, 1_200) for knows in (False, True) for seed in (0, 1)
    ]


def test_folder_has_the_plays_and_the_pictures(found: tuple[Learners, Path]) -> None:
    made, folder = found
    kept = json.loads((folder / "summary.json").read_bytes())
    assert kept["courses"][0]["gap"] == made.courses[0].gap
    assert json.loads((folder / "manifest.json").read_bytes())["status"] == "complete"
    for name in ("gaps", "prices"):
        check_png(folder / f"{name}.png")
        check_svg(folder / f"{name}.svg")


def test_each_kind_of_play_has_its_own_colour(found: tuple[Learners, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners_report, "SIZES", (SMALL,))
    lines = learners_report.draw_gaps(found[0]).axes[0].get_lines()
    colours = {line.get_label(): line.get_color() for line in lines if not line.get_label().startswith("_")}
    assert len(colours) == len(set(colours.values())) == 5


def test_tables_and_verdict_say_what_was_found(found: tuple[Learners, Path]) -> None:
    made, folder = found
    printed = (folder / "printed.txt").read_text(encoding="utf-8")
    median = int(np.median([one.reached or 0 for one in of(made, str(SMALL), "adaptive", is_alone=False)]))
    assert f"5 buyers, one seller all adaptive 2 of 2 {median} " in " ".join(printed.split())
    assert (
        "5 buyers, one seller, all adaptive: what they do is next to an equilibrium in every market, "
        f"after {median} auctions" in printed
    )
    assert "all Exp3: what is learned is next to an equilibrium in 0 of 2 markets" in printed
    assert "operators at w = 1 that learn by w: not next to the private equilibrium" in printed


def test_command_says_what_options_may_be(study: Callable[..., Command]) -> None:
    code, _, stderr = study("learners", "--seeds", "1").finished()
    assert code == 2
    assert "--seeds: 1 is out of range; give a whole number from 2 to 1,000" in stderr
