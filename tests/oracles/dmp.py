"""The Digital Marketplace, straight from its definitions: no shared code, one case at a time, slow."""

import itertools
import math
from collections.abc import Callable, Sequence

from scipy.integrate import dblquad, quad


def winners(prices: Sequence[float], reputations: Sequence[float], w: float, reserve: float, budget: float) -> set[int]:
    """All that a fair draw may choose."""
    offers = {
        i: w * b + (1 - w) * r
        for i, (b, r) in enumerate(zip(prices, reputations, strict=True))
        if not math.isnan(b) and b <= budget
    }
    best = {i for i, beta in offers.items() if all(beta <= other for other in offers.values())}
    return {i for i in best if offers[i] <= reserve}


def order_statistic_cdf(probability: float, i: int, n: int) -> float:
    """P(at least i of n draws are below), by going through all 2^n outcomes."""
    return sum(
        math.prod(probability if below else 1 - probability for below in outcome)
        for outcome in itertools.product([True, False], repeat=n)
        if sum(outcome) >= i
    )


def window_reputation(window: int, initial: float, history: Sequence[bool]) -> float:
    """The whole history is kept."""
    return initial if len(history) < window else 1 - sum(history[-window:]) / window


def step_reputation(commitment: float, initial: float, step: float, history: Sequence[bool]) -> float:
    value = initial
    for served in history:
        value = value - step if served else value + step * commitment / (1 - commitment)
        value = min(1, max(0, value))
    return value


def first_price_bid(
    cost: float, bidders: int, survival: Callable[[float], float], density: Callable[[float], float]
) -> float:
    """Proposition 2 as it stands: (N-1)/(1-F(c))^(N-1) times the integral of t (1-F(t))^(N-2) f(t)."""
    integral, _ = quad(lambda t: t * survival(t) ** (bidders - 2) * density(t), cost, 1, epsabs=1e-13, epsrel=1e-12)
    return (bidders - 1) / survival(cost) ** (bidders - 1) * integral


def pseudo_type_survival(
    t: float, w: float, cost: Callable[[float], float], reputation: Callable[[float], float]
) -> float:
    """P(wC + (1-w)R > t) as a double integral of the densities."""
    return dblquad(
        lambda c, r: cost(c) * reputation(r), 0, 1, lambda r: min(1, max(0, (t - (1 - w) * r) / w)), 1, epsabs=1e-7
    )[0]


def utility(price: float, cost: float, reputation: float, w: float, rivals: Sequence[float]) -> float:
    """The mean over draws of the lowest compound bid of the rivals."""
    offer = w * price + (1 - w) * reputation
    return (price - cost) * sum(offer < rival for rival in rivals) / len(rivals)
