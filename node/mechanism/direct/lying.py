"""The misreport that serves one buyer best, by search."""

from collections.abc import Callable, Iterable, Mapping
from itertools import product

from node.mechanism.direct.reports import Bundle, Outcome, Reports, had, utility
from node.mechanism.valuation import Capped, Flat, Scaled

FACTORS = (0.25, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.5)
"""Times what every MB is worth, that are tried first."""

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of the demand, likewise: more than so much the buyer says it does not want."""

LEVELS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of what the first MB is worth, likewise: the buyer says that all that it wants at such a price is worth that."""

HALVINGS = 4
"""Of the steps around the best of these."""

MOST_BUYERS = 50
"""Of whom it is asked what they gain."""

KNOWN_TO = 1e-8
"""Share of the worth of all that buyers want: less than so much is no gain. An optimum is known to 1e-9 of it, and a
charge may be the difference of several."""

Bundles = Callable[[Reports, int], Bundle]
_Point = tuple[float, ...]


def gain_of_lying(bundle: Bundles, reports: Reports, buyer: int) -> float:
    """Money that the buyer gains by the best misreport found, over the truth; 0 where the difference is rounding.

    There are two families of misreports. One is two numbers: so many times what every MB is worth, and the share of the
    demand beyond which the buyer claims that no MB is worth anything. The other is one price: the buyer claims that all
    that it would buy at it is worth just that. Each is searched by a compass search (Hooke & Jeeves, 1961) from the
    best point of a grid: it steps up and down in each number, and halves the steps where that does not help.
    """
    theta, budget = reports.valuations[buyer], reports.budgets[buyer]

    def reshaped(point: _Point) -> float:
        factor, share = point
        told = Capped(Scaled(theta, factor), factor * theta.value(share * theta.demand_mb))
        return utility(theta, budget, bundle(reports.with_report(buyer, told), buyer))

    def levelled(point: _Point) -> float:
        price = point[0] * theta.marginal(0.0)
        wanted = theta.demand(price)
        if not wanted > 0.0:
            return 0.0
        return utility(theta, budget, bundle(reports.with_report(buyer, Flat(wanted, price)), buyer))

    honest = utility(theta, budget, bundle(reports, buyer))
    most = max(_most(reshaped, product(FACTORS, SHARES), 1), _most(levelled, ((level,) for level in LEVELS), 0))
    return most - honest if most - honest > least_gain(reports) else 0.0


def least_gain(reports: Reports) -> float:
    """Money: what is less is rounding."""
    return KNOWN_TO * sum(one.value(one.demand_mb) for one in reports.valuations)


def with_most_at_stake(reports: Reports, outcome: Outcome) -> list[int]:
    """All buyers, by index; of more than ``MOST_BUYERS``, those whose whole demand is worth most beyond what they have.

    For nothing a buyer could have its whole demand, so that nobody gains more than that.
    """
    buyers = range(len(reports.valuations))
    if len(buyers) <= MOST_BUYERS:
        return [*buyers]

    def stake(buyer: int) -> float:
        theta = reports.valuations[buyer]
        return theta.value(theta.demand_mb) - had(reports, outcome, buyer)

    return sorted(buyers, key=stake, reverse=True)[:MOST_BUYERS]


def largest_gain(bounds: Mapping[int, float], gain: Callable[[int], float], least: float) -> tuple[int, float]:
    """The buyer that gains most, by index, and how much, money; buyer 0, and 0, if nobody gains.

    Nobody gains more than its bound. They are searched from the largest bound down, until no bound is above what is
    found: the others could not gain more.
    """
    liar, most = 0, 0.0
    for buyer in sorted(bounds, key=bounds.__getitem__, reverse=True):
        if bounds[buyer] <= max(most, least):
            break
        if (found := gain(buyer)) > most:
            liar, most = buyer, found
    return liar, most


def _most(utility_of: Callable[[_Point], float], grid: Iterable[_Point], share: int) -> float:
    """The largest utility that is found from the grid on; of a point, the number at ``share`` is 1 at most."""
    found = {point: utility_of(point) for point in grid}
    best = max(found, key=found.__getitem__)
    most, step = found[best], 0.5
    for _ in range(HALVINGS):
        step *= 0.5
        for point in _around(best, step, share):
            if (reached := utility_of(point)) > most:
                best, most = point, reached
    return most


def _around(point: _Point, step: float, share: int) -> Iterable[_Point]:
    for k, number in enumerate(point):
        for moved in (number * (1.0 + step), number / (1.0 + step)):
            yield (*point[:k], min(1.0, moved) if k == share else moved, *point[k + 1 :])
