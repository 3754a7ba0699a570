"""The course of a market over time, folded from its events in bounded memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray
from node.protocol.psp.trace import AuctionClosed, Cleared, SaleSettled
from node.protocol.trace import Record, Trace
from node.trace.psp.convergence import ConvergenceMetrics
from node.trace.psp.metrics import MarketMetrics
from node.trace.psp.sales import Verdict
from node.trace.psp.shifts import ShiftMetrics
from scenarios.markets.psp.census import market_now
from scenarios.markets.psp.equilibrium import gaps
from scenarios.markets.psp.final_bids import columns_of, final_bids
from scenarios.markets.psp.ladder import Rungs, ladder_of
from scenarios.markets.psp.market import Market, theta
from scenarios.markets.psp.mechanisms import mechanism_of
from scenarios.markets.psp.spread import shift_metrics

MOST_NUMBERS = 4_000_000
"""Prices and quantities of a course that are kept, 8 bytes each: a market of 10 sellers needs them all, one of 1,000
gets some 2,000 rows."""

MOST_GAPS = 100_000
"""Gaps of single buyers that are worked out along the way, about 0.2 ms each."""

LAST_PART = 0.2
"""Of a run: who moves in it had not come to rest."""

SHOWN = frozenset({Cleared, SaleSettled, AuctionClosed})


@dataclass(frozen=True, slots=True)
class Convergence:
    """The market over time: a row for its opening, and one per clearing, settlement and closing.

    A market with very many sellers has a row for some of these only, evenly.

    Attributes
    ----------
    time_s
        Shape (t,), seconds since the market opened.
    welfare
        Shape (t,), money.
    price, sold
        Shape (t, m), price per MB that a newcomer must beat (NaN before the first clearing), and MB, by seller;
        (t, 0) where there are too many sellers for the world ``array`` to keep them.
    """

    time_s: FloatArray
    welfare: FloatArray
    price: FloatArray
    sold: FloatArray


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a market had come: bids and messages so far, welfare, and the largest ε-Nash gap of any buyer, money."""

    time_s: float
    bids: int
    messages: int
    welfare: float
    epsilon_gap: float


@dataclass(frozen=True, slots=True)
class Fold:
    """What a run's events come to: the market at the end, its course, and how its buyers came to rest.

    ``gaps`` are the ε-Nash gaps at the end, shape (n,), by buyer, money; ``verdicts`` say what counts of each sale.
    ``ladder`` works the price ladder out, which no figure of the summary needs; it is None where the mechanism is not
    truthful. ``bids`` are the final ones, by column name.
    """

    metrics: MarketMetrics
    course: Convergence
    rest: ConvergenceMetrics
    shifts: ShiftMetrics
    moments: list[Moment]
    gaps: FloatArray
    ladder: Callable[[], Rungs] | None = None
    verdicts: Sequence[Verdict] = ()
    bids: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def largest_supplies(market: Market) -> dict[str, float]:
    """The most that each seller ever has in all, MB."""
    supply = {seller.name: seller.supply_mb for seller in market.sellers}
    most = dict(supply)
    for shift in market.shifts:
        if shift.kind == "supply":
            most[shift.node] = max(most[shift.node], shift.factor * supply[shift.node])
    return most


def metrics_of(market: Market) -> MarketMetrics:
    """Metrics that know the users of this market."""
    most = largest_supplies(market)
    return MarketMetrics({buyer.name: theta(buyer) for buyer in market.buyers}, list(most), most)


def fold(market: Market, records: Iterable[Record[Trace]], until: float) -> Fold:
    """The run ``until`` so many seconds after the market opened."""
    metrics, shifts = metrics_of(market), shift_metrics(market)
    rest = ConvergenceMetrics(late_s=(1.0 - LAST_PART) * until)
    rows, moments = _Rows(len(market.sellers)), list[Moment]()
    looks = max(2, min(40, MOST_GAPS // len(market.buyers)))
    due = [until * (k + 1) / looks for k in range(looks)]
    rows.add(metrics)
    last: FloatArray | None = None  # gaps, while nothing has happened since
    for record in records:
        if record.time_s > until:
            metrics.trade(record)  # receipts are on their way still; goodbyes are not part of the market
            continue
        while len(moments) < looks and record.time_s > due[len(moments)]:
            last = gaps(market_now(market, metrics), metrics) if last is None else last
            moments.append(_moment(metrics, due[len(moments)], last))
        last = None
        for folded in (metrics, rest, shifts):
            folded.add(record)
        if type(record.what) in SHOWN:
            rows.may_add(metrics)
    verdicts = metrics.finish()
    rows.add(metrics)
    now = market_now(market, metrics)
    last = gaps(now, metrics) if last is None else last
    moments.append(_moment(metrics, until, last))
    # The ladder supposes truthful bids.
    ladder = partial(ladder_of, now, metrics) if mechanism_of(market.auction).is_truthful else None
    bids = columns_of(final_bids(now, metrics, verdicts))
    return Fold(metrics, rows.convergence(), rest, shifts, moments, last, ladder, verdicts, bids)


def _moment(metrics: MarketMetrics, time_s: float, of_buyers: FloatArray) -> Moment:
    """The market at this time, with the gaps of its buyers."""
    return Moment(time_s, metrics.bids, metrics.messages, metrics.welfare, float(of_buyers.max(initial=0.0)))


class _Rows:
    """Rows of a course; when they are too many, every other one goes, and only every other new one comes."""

    def __init__(self, sellers: int) -> None:
        self._rows: list[FloatArray] = []
        self._most = max(100, MOST_NUMBERS // (2 * sellers + 2))
        self._stride = 1
        self._offered = 0

    def may_add(self, metrics: MarketMetrics) -> None:
        self._offered += 1
        if self._offered % self._stride == 0:
            self.add(metrics)
        if len(self._rows) > self._most:
            del self._rows[1::2]
            self._stride *= 2

    def add(self, metrics: MarketMetrics) -> None:
        auctions = metrics.auctions.values()
        prices, sold = [auction.price for auction in auctions], [auction.sold for auction in auctions]
        self._rows.append(np.array([metrics.time_s, metrics.welfare, *prices, *sold]))

    def convergence(self) -> Convergence:
        table = np.array(self._rows)
        sellers = (table.shape[1] - 2) // 2
        return Convergence(table[:, 0], table[:, 1], table[:, 2 : 2 + sellers], table[:, 2 + sellers :])
