"""Our strategies keep the laws, and each of several bad ones breaks the law that is meant for it."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest
from typer.testing import CliRunner

from node.strategy.psp.offer import HOLD, BuyerStrategy, Decision, Need, Offer, Target, affordable
from scenarios.cli.main import app
from scenarios.conformance.laws import Law, counterexample
from scenarios.conformance.strategies import STRATEGY_LAWS, strategy_of, verdicts
from scenarios.errors import ScenarioError
from scenarios.markets.psp.own import StrategyBase
from scenarios.markets.psp.schema import AdaptiveStrategy, BestReplyStrategy, OptOutStrategy

OURS = [
    OptOutStrategy(),
    OptOutStrategy(split="fill-largest-first", price_at="share", think_s=0.1),
    BestReplyStrategy(epsilon_step_money=5.0, epsilon_fee_money=5.0, think_min_s=0.1, think_max_s=0.2),
    AdaptiveStrategy(),
]
LAWS = {law.name: law for law in STRATEGY_LAWS}


@pytest.mark.parametrize("law", STRATEGY_LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("table", OURS, ids=lambda table: type(table).__name__)
def test_our_strategies_keep_every_law(table: Any, law: Law) -> None:
    assert counterexample(law, table) is None


def honest(need: Need, offers: Sequence[Offer]) -> list[Target]:
    """What it wants, in equal parts, at what the last of it is worth."""
    wanted = 0.5 * need.valuation.demand_mb
    bids = [Target(wanted / len(offers), need.valuation.marginal(wanted)) for _ in offers]
    return list(affordable(need, offers, bids).targets)


class Honest(StrategyBase, frozen=True):
    """Bids once at every seller, and stays; the bad ones below differ from it in one thing."""

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        del now
        if any(offer.standing.quantity for offer in offers):
            return HOLD
        return Decision(self.changed(honest(need, offers), need))

    def changed(self, targets: list[Target], need: Need) -> list[Target]:
        del need
        return targets


class Vain(Honest, frozen=True):
    """Bids more than anything is worth."""

    def changed(self, targets: list[Target], need: Need) -> list[Target]:
        return [Target(one.quantity, 1.5 * need.valuation.marginal(0.0) + 1.0) for one in targets]


class Greedy(Honest, frozen=True):
    """Bids for more than it wants."""

    def changed(self, targets: list[Target], need: Need) -> list[Target]:
        return [Target(2.0 * need.valuation.demand_mb, one.price) for one in targets]


class Spendthrift(StrategyBase, frozen=True):
    """Does not look at its budget."""

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        del now
        wanted = 0.5 * need.valuation.demand_mb
        if any(offer.standing.quantity for offer in offers):
            return HOLD
        return Decision([Target(wanted / len(offers), need.valuation.marginal(wanted)) for _ in offers])


class Brittle(Honest, frozen=True):
    """Divides by what there is to sell."""

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        assert all(1.0 / offer.supply > 0.0 for offer in offers)
        return super().decide(now, need, offers)


class Short(Honest, frozen=True):
    """Forgets the last offer."""

    def changed(self, targets: list[Target], need: Need) -> list[Target]:
        del need
        return targets[:-1] if len(targets) > 1 else targets


class Undefined(Honest, frozen=True):
    """Bids for no number of MB."""

    def changed(self, targets: list[Target], need: Need) -> list[Target]:
        del need
        return [Target(float("nan"), one.price) for one in targets]


class Asleep(Honest, frozen=True):
    """Thinks for ever."""

    def think_time(self, participants: int, round_trip_s: float, random: object) -> float:
        del participants, round_trip_s, random
        return float("inf")


CALLS = count()


class Moody(Honest, frozen=True):
    """Does at each call something else."""

    def changed(self, targets: list[Target], need: Need) -> list[Target]:
        del need
        share = 0.5 + 0.4 * (next(CALLS) % 7) / 7.0
        return [Target(share * one.quantity, one.price) for one in targets]


class Restless(StrategyBase, frozen=True):
    """Lowers and raises its bids in turn."""

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        del now
        share = 0.5 if any(offer.standing.quantity > 0.2 * need.valuation.demand_mb for offer in offers) else 0.9
        lower = [Target(share * one.quantity, one.price) for one in honest(need, offers)]
        return Decision(lower, reconsider=True)


def test_the_honest_one_keeps_every_law() -> None:
    assert [one.counterexample for one in verdicts(Honest())] == [None] * len(STRATEGY_LAWS)


@pytest.mark.parametrize(
    ("bad", "law", "said"),
    [
        (Vain, "value", "per MB for"),
        (Greedy, "value", "the last worth 0"),
        (Spendthrift, "budget", "its bids would cost"),
        (Brittle, "any profile", "it fails: ZeroDivisionError: float division by zero"),
        (Short, "any profile", "targets for"),
        (Undefined, "any profile", "bids nan MB at"),
        (Asleep, "any profile", "wants to think for inf s"),
        (Moody, "deterministic", "the first time"),
        (Restless, "settles", "its buyers still move after"),
    ],
)
def test_a_bad_strategy_is_caught_by_the_law_for_it(bad: Callable[[], Any], law: str, said: str) -> None:
    assert said in str(counterexample(LAWS[law], bad()))


@pytest.mark.parametrize(("bad", "law"), [(Spendthrift, "budget"), (Moody, "deterministic"), (Restless, "settles")])
def test_a_bad_strategy_breaks_that_law_alone(bad: Callable[[], Any], law: str) -> None:
    others = [one for one in STRATEGY_LAWS if one.name not in {law, "budget"}]
    assert [counterexample(one, bad()) for one in others] == [None] * len(others)


# At the command line


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["check", *arguments])


def test_command_lists_the_laws_held() -> None:
    ended = invoke("--strategy", "adaptive", "--set", "damping=0.7")
    assert ended.exit_code == 0
    assert [line.split(":")[0].split(None, 1) for line in ended.stdout.splitlines()] == [["held", law] for law in LAWS]


def test_command_lists_the_laws_broken_with_the_counterexample() -> None:
    ended = invoke("--strategy", "tests.scenarios.conformance.test_strategies:Vain")
    assert ended.exit_code == 5
    assert (
        "broken  value: no bid is dearer than its last MB is worth\n        situation 0, decision 1: bids "
        in ended.stdout
    )
    assert "this strategy is code: tests.scenarios.conformance.test_strategies:Vain from " in ended.stderr


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("stedy", [], "strategy.kind = 'stedy': allowed are: opt-out, best-reply, adaptive, quantised, module:Class"),
        ("nowhere:Steady", [], "there is no module 'nowhere'"),
        ("best-reply", [], "strategy lacks the key epsilon_step_money"),
        ("adaptive", ["damping=2"], "strategy.damping = 2: must be a number from 0 to 1"),
        (
            "adaptive",
            ["dampen=1"],
            "unknown key strategy.dampen (did you mean damping?); allowed here: epsilon_start_share",
        ),
    ],
)
def test_a_strategy_that_is_none_is_refused(kind: str, settings: list[str], said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        strategy_of(kind, settings)
    assert said in str(error.value)


@pytest.mark.parametrize("arguments", [[], ["two-sellers", "--strategy", "adaptive"]])
def test_check_takes_a_scenario_or_a_strategy(arguments: list[str]) -> None:
    assert "give one of them" in str(invoke(*arguments).exception)


def test_the_base_is_a_strategy() -> None:
    strategy: BuyerStrategy = Honest().build()
    assert strategy.think_time(1, 1.0, None) == 0.0  # type: ignore[arg-type]
