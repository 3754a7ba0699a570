"""Our mechanisms keep the laws, and each of several bad ones breaks the law that is meant for it."""

import math
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from node.mechanism.psp import MECHANISMS, PSP, AuctionMechanism, Clearing, Reply, Staircase
from node.mechanism.valuation import Valuation
from scenarios.cli.main import app
from scenarios.conformance.laws import Law, counterexample
from scenarios.conformance.mechanisms import MECHANISM_LAWS, mechanism_of, mechanism_verdicts
from scenarios.errors import ScenarioError
from scenarios.markets.psp.own import MechanismBase

LAWS = {law.name: law for law in MECHANISM_LAWS}


@pytest.mark.parametrize("law", MECHANISM_LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
def test_our_mechanisms_keep_every_law(mechanism: AuctionMechanism, law: Law) -> None:
    assert counterexample(law, mechanism) is None


class Good(MechanismBase, frozen=True):
    """A winner pays its bid; the bad ones below differ from it in one thing."""

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        del steps, quantity
        return price * amount


class Second(MechanismBase, frozen=True):
    """Truthful as PSP is, by its charge alone."""

    @property
    def is_truthful(self) -> bool:
        return True

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        del quantity, price
        return steps.cost(amount)


@pytest.mark.parametrize("good", [Good, Second])
def test_a_charge_is_all_that_a_good_one_needs(good: Callable[[], MechanismBase]) -> None:
    assert [one.counterexample for one in mechanism_verdicts(good())] == [None] * len(LAWS)


class Oversold(Good, frozen=True):
    """Gives everybody all."""

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:
        del supply, reserve
        return Clearing(np.array(quantity), np.array(quantity) * np.array(price))


class Kind(Good, frozen=True):
    """Gives everybody the same share."""

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:
        del reserve
        amounts = np.array(quantity)
        amounts *= min(1.0, supply / max(1.0, float(amounts.sum())))
        return Clearing(amounts, amounts * np.array(price))


class Dear(Good, frozen=True):
    """Adds a tenth to the bid."""

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        return 1.1 * super().charge(steps, quantity, price, amount)


class Generous(Good, frozen=True):
    """Pays people for taking it."""

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        return -super().charge(steps, quantity, price, amount)


class EntranceFee(Good, frozen=True):
    """Everybody pays for bidding."""

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:
        outcome = super().clear(quantity, price, supply, reserve)
        return Clearing(outcome.allocation, outcome.charge + 0.01)


class Undefined(Good, frozen=True):
    """Charges no number of money."""

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        del steps, quantity, price, amount
        return math.nan


class Half(Good, frozen=True):
    """Sells below the reserve."""

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        return 0.5 * super().charge(steps, quantity, price, amount)


class Sly(Good, frozen=True):
    """Charges by another rule than it says."""

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:
        return PSP.clear(quantity, price, supply, reserve)


class FirstComes(Good, frozen=True):
    """The first bid of a book is given to the bidder for a little less."""

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:
        outcome = super().clear(quantity, price, supply, reserve)
        if outcome.charge.size:
            outcome.charge[0] *= 0.99
        return outcome


CALLS = count()


class Moody(Good, frozen=True):
    """Charges at each call something else."""

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        return (0.9 + 0.1 / (1 + next(CALLS))) * super().charge(steps, quantity, price, amount)


class Wholesale(Good, frozen=True):
    """Who takes less pays more per MB."""

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        return super().charge(steps, quantity, price, amount) * (1.0 - 0.5 * amount / max(1.0, sum(steps.quantity)))


class Listless(Good, frozen=True):
    """Its buyers ask for half of what is best for them."""

    def best_reply(
        self, valuation: Valuation, auctions: Sequence[Staircase], *, epsilon: float = 0.0, budget: float = math.inf
    ) -> Reply:
        found = super().best_reply(valuation, auctions, epsilon=epsilon, budget=budget)
        quantity = [0.5 * amount for amount in found.quantity]
        cost = 0.5 * found.cost
        return Reply(quantity, found.price, cost, valuation.value(sum(quantity)) - cost)


class Boastful(Good, frozen=True):
    """Its replies bring less than they say."""

    def best_reply(
        self, valuation: Valuation, auctions: Sequence[Staircase], *, epsilon: float = 0.0, budget: float = math.inf
    ) -> Reply:
        found = super().best_reply(valuation, auctions, epsilon=epsilon, budget=budget)
        return Reply(found.quantity, found.price, found.cost, 1.5 * found.utility)


class Rich(Good, frozen=True):
    """Its replies mind no budget."""

    def best_reply(
        self, valuation: Valuation, auctions: Sequence[Staircase], *, epsilon: float = 0.0, budget: float = math.inf
    ) -> Reply:
        del budget
        return super().best_reply(valuation, auctions, epsilon=epsilon)


class Proud(Good, frozen=True):
    """Its buyers bid more than the last MB is worth."""

    def bid_price(self, steps: Staircase, amount: float, worth: float, clearance: float = 0.0) -> float:
        del steps, amount, clearance
        return 1.5 * worth


class Hypocrite(Good, frozen=True):
    """Says that it is truthful, and takes what is bid."""

    @property
    def is_truthful(self) -> bool:
        return True


class Brittle(Good, frozen=True):
    """Divides by what the others leave for nothing."""

    def charge(self, steps: Staircase, quantity: float, price: float, amount: float) -> float:
        assert 1.0 / steps.price[0] > 0.0
        return super().charge(steps, quantity, price, amount)


class Short(Good, frozen=True):
    """Forgets the last bid."""

    def clear(self, quantity: Any, price: Any, supply: float, reserve: float = 0.0) -> Clearing:
        return super().clear(quantity[:-1], price[:-1], supply, reserve)


@pytest.mark.parametrize(
    ("bad", "law", "said"),
    [
        (Oversold, "supply", "MB"),
        (Kind, "allocation", "and should"),
        (Dear, "at most the bid", "pays"),
        (Generous, "at most the bid", "pays -"),
        (EntranceFee, "at most the bid", "for 0 MB"),
        (Undefined, "at most the bid", "pays nan"),
        (Half, "reserve", "pays"),
        (Sly, "charge", "expects to pay"),
        (FirstComes, "order", "and in the order"),
        (Moody, "pure", "the first time"),
        (Wholesale, "unit price", "MB at"),
        (Listless, "best reply", "and the best reply"),
        (Boastful, "reply", "and says"),
        (Rich, "reply", "the best reply costs"),
        (Proud, "reply", "where the last MB is worth"),
        (Hypocrite, "truthful", "is worth more than the truthful reply"),
        (Brittle, "charge", "it fails: ZeroDivisionError: float division by zero"),
        (Short, "supply", "not an allocation and a charge for each bid"),
    ],
)
def test_a_bad_mechanism_is_caught_by_the_law_for_it(bad: Callable[[], MechanismBase], law: str, said: str) -> None:
    assert said in str(counterexample(LAWS[law], bad()))


@pytest.mark.parametrize(
    ("bad", "laws"),
    [
        (Half, {"reserve"}),
        (Hypocrite, {"truthful"}),
        (Boastful, {"reply"}),
        (Rich, {"reply"}),
        (Proud, {"reply"}),
        (Listless, {"best reply", "reply"}),
        (Sly, {"charge", "best reply", "reply"}),
    ],
)
def test_a_bad_mechanism_breaks_no_other_laws(bad: Callable[[], MechanismBase], laws: set[str]) -> None:
    assert {one.law for one in mechanism_verdicts(bad()) if one.counterexample} == laws


# At the command line


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["check", *arguments])


def test_command_lists_the_laws_held() -> None:
    ended = invoke("--mechanism", "uniform-price")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert [line.split(":")[0].split(None, 1) for line in ended.stdout.splitlines()] == [["held", law] for law in LAWS]


def test_command_lists_the_laws_broken_with_the_counterexample() -> None:
    ended = invoke("--mechanism", "tests.scenarios.conformance.test_mechanisms:Half")
    assert ended.exit_code == 5
    assert "broken  reserve: nobody pays less than the reserve\n        book " in ended.stdout
    assert "this mechanism is code: tests.scenarios.conformance.test_mechanisms:Half from " in ended.stderr


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("vickrey", [], "mechanism = 'vickrey': allowed are: psp, uniform-price, pay-as-bid, posted-price, "),
        ("nowhere:Part", [], "there is no module 'nowhere'"),
        ("psp", ["share=1"], "mechanism.kind = 'psp': allowed are: module:Class"),
        ("tests.scenarios.conformance.test_mechanisms:Good", ["share=1"], "unknown key mechanism.share"),
        ("tests.scenarios.conformance.test_mechanisms:Dear", [], "mechanism: charges 132 for 30 of the 30 MB"),
    ],
)
def test_a_mechanism_that_is_none_is_refused(kind: str, settings: list[str], said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        mechanism_of(kind, settings)
    assert said in str(error.value)


def test_check_takes_one_thing() -> None:
    assert "give one of them" in str(invoke("--strategy", "adaptive", "--mechanism", "psp").exception)
