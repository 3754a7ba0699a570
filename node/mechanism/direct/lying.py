"""The misreport that serves one buyer best, by search."""

from collections.abc import Callable
from itertools import product

from node.mechanism.direct.reports import Bundle, Reports, utility
from node.mechanism.valuation import Capped, Scaled

FACTORS = (0.25, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.5)
"""Times what every MB is worth, that are tried first."""

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Of the demand, likewise: more than so much the buyer says it does not want."""

HALVINGS = 4
"""Of the steps around the best of these."""

KNOWN_TO = 1e-8
"""Share of the worth of all that buyers want: less than so much is no gain. An optimum is known to 1e-9 of it, and a
charge may be the difference of several."""

Bundles = Callable[[Reports, int], Bundle]


def gain_of_lying(bundle: Bundles, reports: Reports, buyer: int) -> float:
    """Money that the buyer gains by the best misreport found, over the truth; 0 where the difference is rounding.

    A misreport is two numbers: so many times what every MB is worth, and the share of the demand beyond which it claims
    that no MB is worth anything. They are searched by a compass search (Hooke & Jeeves, 1961) from the best point of a
    grid: it steps up and down in each of the two, and halves the steps where that does not help.
    """
    theta, budget = reports.valuations[buyer], reports.budgets[buyer]

    def utility_of(point: tuple[float, float]) -> float:
        factor, share = point
        told = Capped(Scaled(theta, factor), factor * theta.value(share * theta.demand_mb))
        return utility(theta, budget, bundle(reports.with_report(buyer, told), buyer))

    honest = utility(theta, budget, bundle(reports, buyer))
    found = {point: utility_of(point) for point in product(FACTORS, SHARES)}
    best = max(found, key=found.__getitem__)
    most, step = found[best], 0.5
    for _ in range(HALVINGS):
        step *= 0.5
        for point in _around(best, step):
            if (reached := utility_of(point)) > most:
                best, most = point, reached
    least = KNOWN_TO * sum(one.value(one.demand_mb) for one in reports.valuations)
    return most - honest if most - honest > least else 0.0


def _around(point: tuple[float, float], step: float) -> list[tuple[float, float]]:
    factor, share = point
    return [
        (factor * (1.0 + step), share),
        (factor / (1.0 + step), share),
        (factor, min(1.0, share * (1.0 + step))),
        (factor, share / (1.0 + step)),
    ]
