"""The result of a run, folded from its events: the same in every world."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.psp.influence import influence_sizes
from node.mechanism.welfare import Optimum, efficiency, optimum
from node.protocol.host import Record
from node.trace.psp.convergence import Oscillation, Quiescence
from node.trace.psp.metrics import MarketMetrics
from node.trace.psp.shifts import ShiftReport
from scenarios.chaos.expectations import Ending, Expectation, FaultLog, FaultRow, checked
from scenarios.extras import needs
from scenarios.markets.psp.census import market_now
from scenarios.markets.psp.course import Fold, fold
from scenarios.markets.psp.market import Market, edges, theta
from scenarios.markets.psp.spread import least_gain
from scenarios.results.outcome import Outcome, Status

EXACT_PAIRS = 5_000
"""Pairs of buyer and seller up to which the optimum is worked out exactly, in seconds; beyond, a bound has to do."""


class Allocation(msgspec.Struct, frozen=True):
    """What one buyer has from one seller: MB, and money for all of it."""

    buyer: str
    seller: str
    quantity: float
    charge: float


class Summary(msgspec.Struct, frozen=True):
    """The figures of a run, as ``--format json`` prints them; meanings and units in docs/results.md."""

    scenario: str
    seed: int
    world: str
    broker: str | None
    nodes: int
    status: Status
    duration_s: float
    bids: int
    messages: int
    welfare: float
    optimum: float
    efficiency: float
    epsilon_gap: float
    supply: float
    sold: float
    revenue: float
    allocations: list[Allocation]
    run_dir: str
    optimum_is: Literal["exact", "bound"] = "exact"
    exposed_sellers: list[str] = msgspec.field(default_factory=list)
    faults: list[FaultRow] = msgspec.field(default_factory=list)
    expectations: list[Expectation] = msgspec.field(default_factory=list)

    @property
    def network(self) -> str:
        """What carried the messages, for people."""
        return self.broker or ("no messages" if self.world == "array" else "simulated network")


def optimum_of(market: Market) -> Optimum:
    """The largest welfare that the market graph allows."""
    supply = np.array([seller.supply_mb for seller in market.sellers])
    needs("scipy")
    tolerance = 1e-9 if is_exact(market) else 1e-5
    return optimum([theta(buyer) for buyer in market.buyers], supply, edges(market), tolerance=tolerance)


def is_exact(market: Market) -> bool:
    """Whether the optimum of a market of this size is worked out exactly, or a bound has to do."""
    return sum(len(buyer.pool) for buyer in market.buyers) <= EXACT_PAIRS


def allocations_of(metrics: MarketMetrics) -> list[Allocation]:
    """Every purchase, bought or still tentative, by buyer and seller."""
    return [
        Allocation(buyer, seller, position.total, position.total_charge)
        for (seller, buyer), position in sorted(metrics.positions.items(), key=lambda item: item[0][::-1])
        if position.total > 0.0
    ]


class Result:
    """A finished run: its figures, and its tables as arrays, Arrow tables or DataFrames."""

    def __init__(self, summary: Summary, market: Market, folded: Fold, counters: dict[str, int]) -> None:
        self.summary = summary
        self.market = market
        self.convergence = folded.course
        self.moments = folded.moments
        self.ladder = folded.ladder
        self.counters = counters
        self._metrics = folded.metrics
        self._rest = folded.rest
        self._shifts = folded.shifts

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
    def run_dir(self) -> Path:
        """The folder of the run."""
        return Path(self.summary.run_dir)

    @property
    def _own_allocations(self) -> list[Allocation]:
        """Those of the market's own buyers: devices from elsewhere may have bought too."""
        own = {buyer.name for buyer in self.market.buyers}
        return [allocation for allocation in self.summary.allocations if allocation.buyer in own]

    def matrix(self) -> FloatArray:
        """Who bought how much from whom: shape (buyers, sellers), MB, in the order of the market."""
        buyers = {buyer.name: i for i, buyer in enumerate(self.market.buyers)}
        sellers = {seller.name: j for j, seller in enumerate(self.market.sellers)}
        quantity = np.zeros((len(buyers), len(sellers)))
        for allocation in self._own_allocations:
            quantity[buyers[allocation.buyer], sellers[allocation.seller]] = allocation.quantity
        return quantity

    def columns(self, name: Literal["allocations", "auctions", "buyers", "convergence"]) -> dict[str, Sequence[Any]]:
        """One table of the result by column name."""
        return {
            "allocations": self._allocations,
            "auctions": self._auctions,
            "buyers": self._buyers,
            "convergence": self._convergence,
        }[name]()

    def frame(self, name: Literal["allocations", "auctions", "buyers", "convergence"]) -> Any:  # noqa: ANN401
        """One table of the result as a pandas DataFrame."""
        return needs("pandas").DataFrame(self.columns(name))

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


def summarise(
    market: Market,
    best: Optimum,
    outcome: Outcome,
    records: Iterable[Record],
    world: str,
    broker: str | None,
    run_dir: Path,
) -> Result:
    """The result of a run from its records in the order of time, which is counted from the opening.

    Parameters
    ----------
    best
        The optimum of the market as it was at first.
    """
    faults = FaultLog()
    folded = fold(market, faults.without_faults(records), outcome.duration_s)
    metrics, now = folded.metrics, market_now(market, folded.metrics)
    best = optimum_of(now) if market.shifts else best
    most = best.welfare if is_exact(market) else best.bound
    rows = allocations_of(metrics)
    reached = efficiency(metrics.welfare, most)
    ending = Ending(outcome.status == "settled", outcome.duration_s, folded.rest.quiescence.time_s, reached)
    summary = Summary(
        scenario=market.scenario,
        seed=market.seed,
        world=world,
        broker=broker,
        nodes=market.nodes,
        status=outcome.status,
        duration_s=outcome.duration_s,
        bids=metrics.bids,
        messages=outcome.counters.get("sent", 0),
        welfare=metrics.welfare,
        optimum=most,
        efficiency=reached,
        epsilon_gap=folded.moments[-1].epsilon_gap,
        supply=sum(seller.supply_mb for seller in now.sellers),
        sold=sum(row.quantity for row in rows),
        revenue=sum(row.charge for row in rows),
        allocations=rows,
        run_dir=str(run_dir),
        optimum_is="exact" if is_exact(market) else "bound",
        exposed_sellers=sorted(metrics.exposed),
        faults=faults.rows,
        expectations=checked(market.chaos.expect if market.chaos else [], ending, faults.heal_s),
    )
    return Result(summary, market, folded, outcome.counters)
