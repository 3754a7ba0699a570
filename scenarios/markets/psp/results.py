"""The result of a run, folded from its events: the same in every world."""

import dataclasses
import math
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from rich.console import Console

from node.mechanism.psp.influence import influence_sizes
from node.protocol.psp.trace import Cause, Lie
from node.protocol.retry import PATIENCE, backoff
from node.protocol.trace import Record, Trace
from node.trace.psp.convergence import Oscillation, Quiescence
from node.trace.psp.metrics import MarketMetrics
from node.trace.psp.sales import Excuses, Word, is_disputed
from node.trace.psp.shifts import ShiftReport
from scenarios.chaos.expectations import FaultLog
from scenarios.extras import needs
from scenarios.markets.psp.advice import advise_after
from scenarios.markets.psp.census import market_now
from scenarios.markets.psp.course import Fold, fold
from scenarios.markets.psp.equilibrium import largest_gain_of_lying
from scenarios.markets.psp.figures import Measure, figures
from scenarios.markets.psp.ladder import Rungs, ladder_document
from scenarios.markets.psp.live import LiveMetrics, optimum_of
from scenarios.markets.psp.market import Market, edges
from scenarios.markets.psp.mechanisms import name_of_mechanism
from scenarios.markets.psp.pictures import plot_convergence
from scenarios.markets.psp.spread import by_time, described, least_gain
from scenarios.markets.psp.tables import print_result, theory_lines
from scenarios.results import outcome, result
from scenarios.results.outcome import Outcome, Run
from scenarios.words import naturally

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Allocation(msgspec.Struct, frozen=True):
    """What one buyer has from one seller: MB, and money for all of it."""

    buyer: str
    seller: str
    quantity: float
    charge: float


class DisputedSale(msgspec.Struct, frozen=True):
    """A sale of which its seller and its buyer tell different things: MB and money, null where one tells nothing."""

    seller: str
    buyer: str
    round: int
    sold: float | None
    received: float | None
    bought: float | None
    paid: float | None


class Summary(outcome.Summary, frozen=True, kw_only=True):
    """The figures of a run, as ``--format json`` prints them; meanings and units in docs/results.md."""

    mechanism: str
    bids: int
    welfare: float
    optimum: float
    gains_from_trade: float
    most_gains: float
    liquid_welfare: float | None = None
    most_liquid_welfare: float | None = None
    liquid_gains_from_trade: float | None = None
    most_liquid_gains: float | None = None
    efficiency: float
    efficiency_of: Measure
    efficiencies: dict[Measure, float]
    efficiency_loss: float
    efficiency_loss_bound: float | None
    no_bound_because: str | None
    epsilon_gap: float
    gap_in_epsilons: float | None
    truthfulness_gap: float
    buyers_at_a_loss: int
    largest_loss: float
    buyers_over_budget: int
    largest_excess: float
    jain_index: float
    mean_envy: float | None
    supply: float
    sold: float
    revenue: float
    allocations: list[Allocation]
    optimum_is: Literal["exact", "bound"] = "exact"
    exposed_sellers: dict[str, list[Lie]] = msgspec.field(default_factory=dict)
    exposed_by: dict[str, list[str]] = msgspec.field(default_factory=dict)
    struck_out: dict[str, list[Cause]] = msgspec.field(default_factory=dict)
    disputed_sales: list[DisputedSale] = msgspec.field(default_factory=list)
    advice: list[str] = msgspec.field(default_factory=list)


def allocations_of(market: Market, metrics: MarketMetrics) -> list[Allocation]:
    """Every purchase, bought or still tentative, in the order of the market's buyers and sellers, then of devices."""
    found = ((seller, buyer, position) for (seller, buyer), position in metrics.positions.items())
    rows = [
        Allocation(buyer, seller, position.total, position.total_charge)
        for seller, buyer, position in found
        if position.total > 0.0
    ]
    return in_order(market, rows)


def in_order(market: Market, rows: Iterable[Allocation]) -> list[Allocation]:
    """The rows in the order of the market's buyers, and of each one's sellers; whom it does not name is last."""
    buyers = {one.name: place for place, one in enumerate(market.buyers)}
    sellers = {one.name: place for place, one in enumerate(market.sellers)}
    last = len(buyers), len(sellers)
    return sorted(
        rows,
        key=lambda row: (buyers.get(row.buyer, last[0]), row.buyer, sellers.get(row.seller, last[1]), row.seller),
    )


def disputes_of(market: Market, folded: Fold, ended: Outcome, down: Collection[str]) -> list[DisputedSale]:
    """The sales in dispute at the end of a run; ``down`` are hosts that were killed and did not come back."""
    patience_s = sum(backoff(market.retry_s, repeated) for repeated in range(PATIENCE))
    since_s = math.inf if ended.status == "settled" else ended.duration_s - patience_s
    excuses = Excuses(since_s, down)
    return [
        DisputedSale(*one.sale, *_amounts(one.sold), *_amounts(one.bought))
        for one in folded.verdicts
        if is_disputed(one, excuses)
    ]


def _amounts(word: Word | None) -> tuple[float | None, float | None]:
    return word.amounts if word else (None, None)


class Result(result.Result[Summary]):
    """A finished run of an exchange: its figures, and its tables as arrays, columns or DataFrames."""

    TABLES = ("allocations", "auctions", "bids", "buyers", "convergence")
    PICTURES = ("convergence",)

    def __init__(self, summary: Summary, market: Market, folded: Fold, counters: dict[str, int]) -> None:
        self.summary = summary
        self.market = market
        self.convergence = folded.course
        self.moments = folded.moments
        self.counters = counters
        self._metrics = folded.metrics
        self._rest = folded.rest
        self._shifts = folded.shifts
        self._bids = folded.bids
        self._ladder = folded.ladder

    @cached_property
    def ladder(self) -> Rungs | None:
        """The price ladder, worked out when it is first asked for; None where the mechanism is not truthful."""
        return self._ladder and self._ladder()

    @property
    def quiescence(self) -> Quiescence:
        """What it took until nobody moved any more."""
        return self._rest.quiescence

    @property
    def oscillations(self) -> list[Oscillation]:
        """The buyers that were cycling among their sellers at any time."""
        return self._rest.oscillations

    @property
    def shifts(self) -> list[ShiftReport]:
        """How far each market shift spread, in order of time."""
        return self._shifts.reports(least_gain(self.market))

    @property
    def _own_allocations(self) -> list[Allocation]:
        """Those of the market's own buyers: devices from elsewhere may have bought too."""
        own = {buyer.name for buyer in self.market.buyers}
        return [allocation for allocation in self.summary.allocations if allocation.buyer in own]

    def matrix(self, of: Literal["quantity", "charge"] = "quantity") -> Any:  # noqa: ANN401 - a pandas DataFrame
        """Who bought how much from whom, MB, or for how much money in all.

        A pandas DataFrame with a row for each buyer and a column for each seller, by name and in the order of the
        market; devices that the scenario does not name are left out.
        """
        sellers, buyers = ([one.name for one in users] for users in (self.market.sellers, self.market.buyers))
        matrix = needs("pandas").DataFrame(0.0, index=buyers, columns=sellers)
        for allocation in self._own_allocations:
            matrix.loc[allocation.buyer, allocation.seller] = getattr(allocation, of)
        return matrix.rename_axis(index="buyer", columns="seller")

    def columns(self, name: str) -> dict[str, Sequence[Any]]:
        """One table of the result by column name."""
        return {
            "allocations": self._allocations,
            "auctions": self._auctions,
            "bids": lambda: dict(self._bids),
            "buyers": self._buyers,
            "convergence": self._convergence,
        }[name]()

    def plot(self, name: str | None = None) -> "Figure":
        """Prices, quantities sold, welfare against the optimum and the largest gap over time."""
        del name
        return plot_convergence(self)

    def print(self, console: Console) -> None:
        """Print who bought what, what every auction sold, and the figures of the whole market."""
        print_result(self, console)

    def theory(self) -> list[str]:
        """Whether what the papers say of such a market holds."""
        return theory_lines(self)

    def documents(self) -> dict[str, Any]:
        """How the market came to rest: the file convergence.json."""
        what = by_time(self.market)
        shifts = [{"what": described(what[one.time_s]), **dataclasses.asdict(one)} for one in self.shifts]
        rest = {
            "quiescence": self.quiescence,
            "oscillations": self.oscillations,
            "shifts": shifts,
            "moments": self.moments,
            "ladder": ladder_document(self.ladder, self.market) if self.ladder else None,
        }
        return {"convergence": rest}

    def _allocations(self) -> dict[str, Sequence[Any]]:
        rows = self.summary.allocations
        return {field: [getattr(row, field) for row in rows] for field in Allocation.__struct_fields__}

    def _auctions(self) -> dict[str, Sequence[Any]]:
        auctions = [self._metrics.auctions[seller.name] for seller in self.market.sellers]
        influencing_sellers, influencing_buyers = influence_sizes(edges(self.market), len(self.market.sellers))
        return {
            "seller": [seller.name for seller in self.market.sellers],
            "state": [auction.state for auction in auctions],
            "supply_mb": [seller.supply_mb for seller in market_now(self.market, self._metrics).sellers],
            "sold_mb": [auction.sold for auction in auctions],
            "revenue": [auction.revenue for auction in auctions],
            "price_per_mb": [auction.price for auction in auctions],
            "influencing_sellers": influencing_sellers.tolist(),
            "influencing_buyers": influencing_buyers.tolist(),
        }

    def _buyers(self) -> dict[str, Sequence[Any]]:
        charge = dict.fromkeys((buyer.name for buyer in self.market.buyers), 0.0)
        got = dict(charge)
        for allocation in self._own_allocations:
            charge[allocation.buyer] += allocation.charge
            got[allocation.buyer] += allocation.quantity
        valuations = [self._metrics.valuation(buyer.name) for buyer in self.market.buyers]
        value = [valuation.value(amount) for valuation, amount in zip(valuations, got.values(), strict=True)]
        return {
            "buyer": list(charge),
            "demand_mb": [valuation.demand_mb for valuation in valuations],
            "bought_mb": list(got.values()),
            "charge": list(charge.values()),
            "value": value,
            "utility": [worth - paid for worth, paid in zip(value, charge.values(), strict=True)],
            "bids": [self._metrics.bids_of[buyer] for buyer in charge],
        }

    def _convergence(self) -> dict[str, Sequence[Any]]:
        course = self.convergence
        names = [seller.name for seller in self.market.sellers[: course.price.shape[1]]]
        columns: dict[str, Sequence[Any]] = {"time_s": course.time_s.tolist(), "welfare": course.welfare.tolist()}
        columns |= {f"price_{name}": course.price[:, j].tolist() for j, name in enumerate(names)}
        return columns | {f"sold_{name}": course.sold[:, j].tolist() for j, name in enumerate(names)}


def sales(market: Market, rows: list[Allocation]) -> dict[str, Any]:
    """The figures of a summary that are of what was for sale, how, and what of it these rows are."""
    return {
        "mechanism": name_of_mechanism(market.auction),
        "supply": sum(seller.supply_mb for seller in market.sellers),
        "sold": sum(row.quantity for row in rows),
        "revenue": sum(row.charge for row in rows),
        "allocations": rows,
    }


def summarise(market: Market, live: LiveMetrics, run: Run, records: Iterable[Record[Trace]]) -> Result:
    """The result of a run from its records in the order of time, which is counted from the opening.

    Parameters
    ----------
    live
        What the run was watched by; it knows the optimum of the market as it was at first.
    """
    faults = FaultLog()
    folded = fold(market, faults.without_faults(records), run.outcome.duration_s)
    metrics, now = folded.metrics, market_now(market, folded.metrics)
    best = optimum_of(now) if market.shifts else live.best
    rows = allocations_of(now, metrics)
    prices = best.price, np.array([metrics.auctions[seller.name].price for seller in now.sellers])
    most = best.bound if now.is_large else best.welfare
    own = figures(now, rows, metrics.welfare, most, prices, folded.gaps)
    summary = Summary(
        **run.figures(market, faults, own["efficiency"], folded.rest.quiescence.time_s),
        **own,
        **sales(now, rows),
        bids=metrics.bids,
        truthfulness_gap=largest_gain_of_lying(now, metrics),
        exposed_sellers={seller: sorted({lie for _, lie in of}) for seller, of in sorted(metrics.exposed.items())},
        exposed_by={seller: naturally({buyer for buyer, _ in of}) for seller, of in sorted(metrics.exposed.items())},
        struck_out={buyer: sorted(causes) for buyer, causes in sorted(metrics.struck_out.items())},
        disputed_sales=disputes_of(market, folded, run.outcome, faults.down),
        advice=advise_after(now, run.outcome.status, run.outcome.duration_s, folded.rest.late_moves),
    )
    return Result(summary, market, folded, run.outcome.counters)
