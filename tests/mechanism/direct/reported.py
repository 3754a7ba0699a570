"""Random markets as their users report them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from node.mechanism.direct import DirectMechanism, Outcome, Reports
from node.mechanism.direct.reports import totals
from node.mechanism.valuation import Flat, Parabolic, Valuation
from tests.oracles.direct import Users

flats = st.builds(Flat, st.integers(1, 40).map(float), st.integers(1, 9).map(float))
elastic = st.builds(Parabolic, st.integers(1, 40).map(float), st.integers(1, 9).map(float))


@dataclass(frozen=True)
class WholeMarket:
    """One of few whole MB, small enough to try everything."""

    buyers: Users
    sellers: Users
    pools: list[set[int]]

    @property
    def reports(self) -> Reports:
        valuations = [Flat(float(demand), float(value)) for demand, value in self.buyers]
        return reports_of(valuations, self.sellers, self.pools)


def reports_of(
    valuations: Sequence[Valuation],
    sellers: Sequence[tuple[float, float]],
    pools: Sequence[set[int]],
    budgets: Sequence[float] | None = None,
) -> Reports:
    pairs = [(i, j) for i, pool in enumerate(pools) for j in sorted(pool)]
    buyer, seller = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    supply, reserve = zip(*sellers, strict=True)
    return Reports.of(valuations, supply, (buyer, seller), reserve, budgets)


def pools(buyers: int, sellers: int) -> st.SearchStrategy[list[set[int]]]:
    return st.lists(st.sets(st.integers(0, sellers - 1), min_size=1), min_size=buyers, max_size=buyers)


@st.composite
def whole_markets(draw: st.DrawFn) -> WholeMarket:
    buyers = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 6)), min_size=1, max_size=3))
    sellers = draw(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 3)), min_size=1, max_size=2))
    return WholeMarket(buyers, sellers, draw(pools(len(buyers), len(sellers))))


@st.composite
def markets(draw: st.DrawFn, most_sellers: int = 3, *, with_budgets: bool = True) -> Reports:
    valuations = draw(st.lists(st.one_of(flats, elastic), min_size=1, max_size=5))
    supplies, reserves = st.integers(0, 60).map(float), st.sampled_from([0.0, 0.5, 3.0])
    sellers = draw(st.lists(st.tuples(supplies, reserves), min_size=1, max_size=most_sellers))
    budget = st.one_of(st.just(float("inf")), st.integers(0, 50).map(float))
    budgets = [draw(budget) for _ in valuations] if with_budgets else None
    return reports_of(valuations, sellers, draw(pools(len(valuations), len(sellers))), budgets)


def bought(reports: Reports, outcome: Outcome) -> list[float]:
    return totals(reports, outcome.quantity).tolist()


def paid(reports: Reports, outcome: Outcome) -> list[float]:
    return totals(reports, outcome.charge).tolist()


def gains(reports: Reports, outcome: Outcome) -> float:
    """By the reports, as far as budgets reach."""
    worth = sum(theta.value(amount) for theta, amount in zip(reports.payable, bought(reports, outcome), strict=True))
    return worth - float(reports.reserve[reports.seller] @ outcome.quantity)


def gain_of_lying(mechanism: DirectMechanism, reports: Reports, buyer: int) -> float:
    return mechanism.gain_of_lying(reports, mechanism.outcome(reports), buyer)
