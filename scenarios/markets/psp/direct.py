"""A market in the world ``direct``: everybody reports once, and the mechanism works out who gets what."""

from pathlib import Path

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.direct import DIRECT, Outcome, Reports
from node.trace.psp.convergence import ConvergenceMetrics
from scenarios.chaos.expectations import FaultLog
from scenarios.errors import ScenarioError, reason
from scenarios.extras import needs
from scenarios.markets.kind import Watch
from scenarios.markets.psp.course import Convergence, Fold, metrics_of
from scenarios.markets.psp.figures import figures
from scenarios.markets.psp.live import optimum_of
from scenarios.markets.psp.market import EXACT_PAIRS, Market, budget_of, edges, theta
from scenarios.markets.psp.mechanisms import name_of_mechanism
from scenarios.markets.psp.results import Allocation, Result, Summary, in_order, sales
from scenarios.markets.psp.spread import shift_metrics
from scenarios.results import folder as rundir
from scenarios.results import outcome
from scenarios.results.outcome import Run

DIRECT_OUTCOME = "direct.json"
"""In the folder of the run: what came out."""


class _Kept(msgspec.Struct, frozen=True):
    """What came out.

    Attributes
    ----------
    quantity, charge
        Along each edge, MB and money.
    liar
        The buyer that gains most by lying, by index, of those who are searched.
    gain_of_lying
        What that one gains, money.
    """

    quantity: list[float]
    charge: list[float]
    liar: int
    gain_of_lying: float


def check_direct(market: Market) -> None:
    """Raise ScenarioError, naming key, value and remedy, if the world ``direct`` cannot work the market out."""
    name = name_of_mechanism(market.auction)
    if name not in DIRECT:
        _refuse("auction.mechanism", name, f"{', '.join(map(repr, DIRECT))} only")
    if market.auction.reserve_rule != "fixed":
        _refuse("auction.reserve_rule", market.auction.reserve_rule, "'fixed' only")
    if market.shifts:
        _refuse("shifts", len(market.shifts), "no shifts: take out shifts, joins_at_s")
    if market.chaos is not None:
        _refuse("chaos", "…", "no faults: it has neither messages nor processes")
    if market.is_large:
        pairs = sum(len(buyer.pool) for buyer in market.buyers)
        _refuse("sellers_each: pairs of buyer and seller", pairs, f"at most {EXACT_PAIRS:,}")


def _refuse(key: str, value: object, what: str) -> None:
    raise ScenarioError(f"{key} = {value!r}: world 'direct' knows {what}; change it, or choose world 'sim' or 'mqtt'")


def reports_of(market: Market) -> Reports:
    """The market as its users would report it truthfully."""
    return Reports.of(
        [theta(buyer) for buyer in market.buyers],
        [seller.supply_mb for seller in market.sellers],
        edges(market),
        [seller.reserve_price_per_mb for seller in market.sellers],
        [budget_of(buyer) for buyer in market.buyers],
    )


def run_direct(market: Market, timeout_s: float, watch: Watch, folder: Path) -> outcome.Outcome:
    """Work the outcome out, and what the buyer that gains most by a lie would gain."""
    del timeout_s, watch
    needs("scipy")
    mechanism, reports = DIRECT[name_of_mechanism(market.auction)], _with_posted_price(market, reports_of(market))
    found = mechanism.outcome(reports)
    liar, gain = mechanism.largest_gain_of_lying(reports, found)
    rundir.write_json(folder / DIRECT_OUTCOME, _Kept(found.quantity.tolist(), found.charge.tolist(), liar, gain))
    return outcome.Outcome("settled", 0.0, 0.0, {})


def _with_posted_price(market: Market, reports: Reports) -> Reports:
    """The reports, with what sellers post in place of lower reserve prices, if the scenario says what that is."""
    posted = market.auction.posted_price_per_mb
    if posted is None:
        return reports
    return Reports.of(
        reports.valuations, reports.supply, reports.edges, np.maximum(reports.reserve, posted), reports.budgets
    )


def direct_result(market: Market, run: Run) -> Result:
    """The result of a market from what ``run_direct`` left in the folder.

    Raises
    ------
    ScenarioError
        If that is not there, or not whole.
    """
    path = run.folder / DIRECT_OUTCOME
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError) as error:
        raise ScenarioError(
            f"{path} cannot be read: {reason(error)}; it is what a run in world 'direct' leaves"
        ) from error
    found = Outcome(np.array(kept.quantity), np.array(kept.charge))
    rows = _allocations(market, found)
    gaps = np.zeros(len(market.buyers))
    if not DIRECT[name_of_mechanism(market.auction)].is_equilibrium:
        gaps[kept.liar] = kept.gain_of_lying
    summary = _summary(market, rows, gaps, kept.gain_of_lying, run)
    metrics = metrics_of(market)
    for row in rows:
        auction = metrics.auctions[row.seller]
        auction.sold += row.quantity
        auction.revenue += row.charge
    for auction in metrics.auctions.values():
        auction.state = "closed"
    metrics.welfare = summary.welfare
    none = np.zeros((1, len(market.sellers)))
    sold = np.array([[auction.sold for auction in metrics.auctions.values()]])
    course = Convergence(np.zeros(1), np.array([summary.welfare]), none * np.nan, sold)
    folded = Fold(metrics, course, ConvergenceMetrics(), shift_metrics(market), [], gaps)
    return Result(summary, market, folded, run.outcome.counters)


def _allocations(market: Market, found: Outcome) -> list[Allocation]:
    """Every purchase, in the order of the other worlds."""
    buyer, seller = edges(market)
    rows = [
        Allocation(market.buyers[buyer[e]].name, market.sellers[seller[e]].name, float(amount), float(found.charge[e]))
        for e, amount in enumerate(found.quantity)
        if amount > 0.0
    ]
    return in_order(market, rows)


def _summary(market: Market, rows: list[Allocation], gaps: FloatArray, gain_of_lying: float, run: Run) -> Summary:
    best, valuations = optimum_of(market), {buyer.name: theta(buyer) for buyer in market.buyers}
    bought = dict.fromkeys(valuations, 0.0)
    for row in rows:
        bought[row.buyer] += row.quantity
    welfare = sum(valuations[name].value(amount) for name, amount in bought.items())
    own = figures(market, rows, welfare, best.welfare, [best.price], gaps)
    return Summary(
        **run.figures(market, FaultLog(), own["efficiency"]),
        **own,
        **sales(market, rows),
        bids=0,
        truthfulness_gap=gain_of_lying,
    )
