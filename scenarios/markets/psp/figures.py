"""How good the outcome of an exchange is, from who has what: the same figures in every world (docs/results.md)."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.rounding import ROUNDING
from node.mechanism.valuation import Valuation, curvature
from node.mechanism.welfare import efficiency, envies, gains_bound, jain_index, liquid, most_gains, welfare_loss_bound
from node.mechanism.welfare import welfare as welfare_of
from scenarios.markets.psp.equilibrium import last_epsilons
from scenarios.markets.psp.market import Market, budget_of, edges, theta
from scenarios.markets.psp.mechanisms import name_of_mechanism
from scenarios.markets.psp.schema import AdaptiveStrategy

if TYPE_CHECKING:
    from scenarios.markets.psp.results import Allocation

Measure = Literal["welfare", "gains_from_trade", "liquid_welfare", "liquid_gains_from_trade"]
"""By what an outcome is measured: net of reserve prices or not, as far as budgets reach or whoever can pay."""

FIELDS: dict[Measure, tuple[str, str]] = {
    "welfare": ("welfare", "optimum"),
    "gains_from_trade": ("gains_from_trade", "most_gains"),
    "liquid_welfare": ("liquid_welfare", "most_liquid_welfare"),
    "liquid_gains_from_trade": ("liquid_gains_from_trade", "most_liquid_gains"),
}
"""The fields of a summary that have what is reached of a measure, and its optimum."""


PROVEN = 2e-9
"""Share of a bound within which it proves what is reached: twice the tolerance of ``optimum``."""


def words(name: Measure) -> str:
    """A measure as people read it."""
    return name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class _Holdings:
    """What a market's own buyers have.

    Attributes
    ----------
    purchases
        Shape (p,), MB, of one buyer from one seller each.
    bought, paid
        Shape (n,), MB and money by buyer.
    sold
        Shape (m,), MB by seller.
    """

    purchases: FloatArray
    bought: FloatArray
    paid: FloatArray
    sold: FloatArray


@dataclass(frozen=True, slots=True)
class _Reached:
    """What is reached of a measure, and the most that could be, money."""

    reached: float
    most: float


def fitting_measure(market: Market) -> Measure:
    """Net of reserve prices where a seller has one, and as far as budgets reach where a buyer has one."""
    has_reserves = any(one.reserve_price_per_mb > 0.0 for one in market.sellers)
    if any(buyer.budget_money is not None for buyer in market.buyers):
        return "liquid_gains_from_trade" if has_reserves else "liquid_welfare"
    return "gains_from_trade" if has_reserves else "welfare"


def figures(
    market: Market,
    rows: Iterable["Allocation"],
    welfare: float,
    most_welfare: float,
    prices: Sequence[FloatArray],
    gaps: FloatArray,
) -> dict[str, Any]:
    """What ``Summary`` says of how good an outcome is, by field.

    Parameters
    ----------
    market
        As it is at the end.
    rows
        Who has what.
    welfare, most_welfare
        Of that, and its optimum, or a bound of it in a large market, money.
    prices
        Each of shape (m,), sellers' prices per MB near those that clear the market: for the bounds of a large one.
    gaps
        Shape (n,), by how much each buyer's utility would rise at best if it alone bid otherwise, money.
    """
    epsilon_gap = float(gaps.max(initial=0.0))
    valuations, held, of = [theta(buyer) for buyer in market.buyers], _holdings(market, rows), fitting_measure(market)
    measures = _measures(market, valuations, held, _Reached(welfare, most_welfare), prices)
    worth = [one.value(amount) for one, amount in zip(valuations, held.bought.tolist(), strict=True)]
    at_a_loss, largest_loss = _exceeding(held.paid, np.array(worth))
    budgets = [budget_of(buyer) for buyer in market.buyers]
    over_budget, largest_excess = _exceeding(held.paid, np.array(budgets))
    bound, lacking = _loss_bound(market, valuations, held, epsilon_gap)
    shares = {name: efficiency(one.reached, one.most) for name, one in measures.items()}
    served = held.bought / np.array([one.demand_mb for one in valuations])
    envy = None if market.is_large else envies(valuations, budgets, held.bought, held.paid).sum() / max(1, len(budgets))
    amounts: dict[str, float] = {}
    for name, one in measures.items():
        amounts |= zip(FIELDS[name], (one.reached, one.most), strict=True)
    return amounts | {
        "efficiency": shares[of],
        "efficiency_of": of,
        "efficiencies": shares,
        "efficiency_loss": max(0.0, measures[of].most - measures[of].reached),
        "efficiency_loss_bound": bound,
        "no_bound_because": lacking,
        "optimum_is": "bound" if market.is_large else "exact",
        "epsilon_gap": epsilon_gap,
        "gap_in_epsilons": _in_epsilons(market, gaps),
        "buyers_at_a_loss": at_a_loss,
        "largest_loss": largest_loss,
        "buyers_over_budget": over_budget,
        "largest_excess": largest_excess,
        "jain_index": jain_index(served),
        "mean_envy": None if envy is None else float(envy),
    }


def _in_epsilons(market: Market, gaps: FloatArray) -> float | None:
    """The largest gap of an adaptive buyer in units of its last ε; None where nobody is adaptive."""
    epsilons = last_epsilons(market)
    is_adaptive = np.array([isinstance(buyer.strategy, AdaptiveStrategy) for buyer in market.buyers], np.bool_)
    has_one = is_adaptive & (epsilons > 0.0)
    return float((gaps[has_one] / epsilons[has_one]).max()) if has_one.any() else None


def _holdings(market: Market, rows: Iterable["Allocation"]) -> _Holdings:
    buyers = {buyer.name: i for i, buyer in enumerate(market.buyers)}
    sellers = {seller.name: j for j, seller in enumerate(market.sellers)}
    # Devices from elsewhere have no valuation that counts.
    own = [(buyers[row.buyer], sellers[row.seller], row.quantity, row.charge) for row in rows if row.buyer in buyers]
    table = np.array(own, float).reshape(-1, 4)
    buyer, seller = table[:, 0].astype(np.intp), table[:, 1].astype(np.intp)
    return _Holdings(
        purchases=table[:, 2],
        bought=np.bincount(buyer, weights=table[:, 2], minlength=len(buyers)).astype(np.float64),
        paid=np.bincount(buyer, weights=table[:, 3], minlength=len(buyers)).astype(np.float64),
        sold=np.bincount(seller, weights=table[:, 2], minlength=len(sellers)).astype(np.float64),
    )


def most_gains_of(market: Market, price: FloatArray, most_welfare: float) -> float:
    """The most gains from trade that a market allows, money, given its optimum of welfare and the prices there."""
    valuations, prices = [theta(buyer) for buyer in market.buyers], [price]
    reserve = np.array([one.reserve_price_per_mb for one in market.sellers])
    found = _gains_at_optimum(market, valuations, reserve, most_welfare, prices)
    return _most(market, valuations, reserve, most_welfare, prices) if found is None else found


def _measures(
    market: Market,
    valuations: Sequence[Valuation],
    held: _Holdings,
    welfare: _Reached,
    prices: Sequence[FloatArray],
) -> dict[Measure, _Reached]:
    """Those that say something of this market: liquid ones only where a buyer has a budget."""
    reserve = np.array([one.reserve_price_per_mb for one in market.sellers])
    kept, none = float(reserve @ held.sold), np.zeros(reserve.size)

    def most(of: Sequence[Valuation], net_of: FloatArray) -> float:
        return _most(market, of, net_of, welfare.most, prices)

    gains = _gains_at_optimum(market, valuations, reserve, welfare.most, prices)
    if gains is None:
        gains = most(valuations, reserve)
    found: dict[Measure, _Reached] = {
        "welfare": welfare,
        "gains_from_trade": _Reached(welfare.reached - kept, gains),
    }
    budgets = [budget_of(buyer) for buyer in market.buyers]
    if min(budgets, default=math.inf) < math.inf:
        capped = liquid(valuations, budgets)
        worth, free = welfare_of(capped, held.bought), most(capped, none)
        gains = most(capped, reserve) if reserve.any() else free
        found |= {"liquid_welfare": _Reached(worth, free), "liquid_gains_from_trade": _Reached(worth - kept, gains)}
    return found


def _gains_at_optimum(
    market: Market,
    valuations: Sequence[Valuation],
    reserve: FloatArray,
    most_welfare: float,
    prices: Sequence[FloatArray],
) -> float | None:
    """Most gains without another linear program: those of the optimum of welfare, if prices prove that none are larger.

    Its own prices do where no reserve price binds there. None where nothing proves it.
    """
    if not reserve.any():
        return most_welfare
    supply = np.array([one.supply_mb for one in market.sellers])
    reached = most_welfare - float(reserve @ supply)  # no more than the supplies are sold
    bounds = [gains_bound(valuations, supply, reserve, edges(market), np.nan_to_num(price)) for price in prices]
    return next((reached for bound in bounds if not market.is_large and bound - reached <= PROVEN * bound), None)


def _most(
    market: Market,
    valuations: Sequence[Valuation],
    reserve: FloatArray,
    most_welfare: float,
    prices: Sequence[FloatArray],
) -> float:
    """The most that the market allows of a measure, money: exactly, or no less than that in a large market."""
    supply, pairs = np.array([one.supply_mb for one in market.sellers]), edges(market)
    if not market.is_large:
        return most_gains(valuations, supply, reserve, pairs)
    bounds = [gains_bound(valuations, supply, reserve, pairs, np.nan_to_num(price)) for price in prices]
    return min(most_welfare, *bounds)


def _exceeding(paid: FloatArray, most: FloatArray) -> tuple[int, float]:
    """How many pay more than that, but for rounding, and by how much at most, money."""
    over = paid - most
    wrong = over > ROUNDING * paid
    return int(wrong.sum()), float(over[wrong].max(initial=0.0))


def _loss_bound(
    market: Market, valuations: Sequence[Valuation], held: _Holdings, epsilon: float
) -> tuple[float | None, str | None]:
    """What an ε-Nash equilibrium may lose at most by Prop. 3 of Lazar & Semret, money; or why it says nothing.

    The proof is theirs with the supply of all sellers as Q and each purchase from one seller as an allocation: who is
    worth more to a seller than its lowest winner would displace √(ε/κ) MB of that.
    """
    if not held.purchases.size:
        return None, "nothing is sold"
    curvatures = [curvature(one) for one in valuations]
    if lacking := _unmet(market, curvatures):
        return None, lacking
    kappa = max(curvatures)
    bound = welfare_loss_bound(held.purchases.tolist(), sum(one.supply_mb for one in market.sellers), epsilon, kappa)
    if bound is not None:
        return bound, None
    least, needed = held.purchases.min(), math.sqrt(epsilon / kappa)
    return None, f"the smallest purchase, {least:.4g} MB, is not above √(ε/κ) = {needed:.4g} MB"


def _unmet(market: Market, curvatures: Sequence[float]) -> str | None:
    """What the proposition supposes of a market, and this one does not have."""
    if (name := name_of_mechanism(market.auction)) != "psp":
        return f"the mechanism is {name}"
    if market.auction.reserve_rule != "fixed":
        return "reserve prices follow the bids"
    for buyer, kappa in zip(market.buyers, curvatures, strict=True):
        if buyer.budget_money is not None:
            return f"buyer {buyer.name} has a budget"
        if kappa == math.inf:
            return f"the marginal valuation of buyer {buyer.name} jumps, or is not known"
    return None
