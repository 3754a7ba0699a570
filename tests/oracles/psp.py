"""The progressive second price auction, straight from its definitions: exact rational numbers, no shared code, slow."""

import math
from fractions import Fraction
from typing import Any

Book = list[tuple[Fraction, Fraction]]


def book_of(quantity: Any, price: Any) -> Book:
    return [(Fraction(float(d)), Fraction(float(p))) for d, p in zip(quantity, price, strict=True)]


def residual_supply(y: Fraction, opponents: Book, supply: Fraction, reserve: Fraction) -> Fraction:
    """Eq. 3."""
    if y < reserve:
        return Fraction(0)
    return max(Fraction(0), supply - sum(d for d, p in opponents if p > y))


def market_price(z: Fraction, opponents: Book, supply: Fraction, reserve: Fraction) -> Fraction | float:
    """Eq. 2 for one auction: the residual supply only changes at the opponents' prices."""
    candidates = sorted({reserve, *(p for _, p in opponents if p >= reserve)})
    return next((y for y in candidates if residual_supply(y, opponents, supply, reserve) >= z), math.inf)


def allocations(book: Book, supply: Fraction, reserve: Fraction) -> list[Fraction]:
    """Eq. 5."""
    result = []
    for i, (d, p) in enumerate(book):
        available = residual_supply(p, book[:i] + book[i + 1 :], supply, reserve)
        tied = sum(other for other, at in book if at == p)
        result.append(min(d, d * available / tied) if d else Fraction(0))
    return result


def charges_by_exclusion(book: Book, supply: Fraction, reserve: Fraction) -> list[Fraction]:
    """Eq. 6 with the excluded opponents' prices; the seller takes what nobody gets, and counts as excluded from it."""
    present = allocations(book, supply, reserve)
    result = []
    for i in range(len(book)):
        absent = allocations([*book[:i], (Fraction(0), book[i][1]), *book[i + 1 :]], supply, reserve)
        excluded = sum(book[k][1] * (absent[k] - present[k]) for k in range(len(book)) if k != i)
        result.append(excluded + reserve * (sum(present) - sum(absent)))
    return result


def charges_by_integral(book: Book, supply: Fraction, reserve: Fraction) -> list[Fraction]:
    """The integral of P from 0 to the allocation."""
    return [
        cost(amount, steps_of(book[:i] + book[i + 1 :], supply, reserve))
        for i, amount in enumerate(allocations(book, supply, reserve))
    ]


def steps_of(opponents: Book, supply: Fraction, reserve: Fraction) -> list[tuple[Fraction, Fraction]]:
    """(price, quantity) of each step of P."""
    steps, reached = [], Fraction(0)
    for y in sorted({reserve, *(p for _, p in opponents if p >= reserve)}):
        available = residual_supply(y, opponents, supply, reserve)
        if available > reached:
            steps.append((y, available - reached))
        reached = available
    return steps


def cost(amount: Fraction, steps: list[tuple[Fraction, Fraction]]) -> Fraction:
    """The cheapest ``amount`` of steps in ascending order of price; more than they hold costs no more."""
    total = Fraction(0)
    for price, quantity in steps:
        taken = min(quantity, amount)
        total += price * taken
        amount -= taken
    return total


def merged(markets: list[list[tuple[Fraction, Fraction]]]) -> list[tuple[Fraction, Fraction]]:
    return sorted(step for steps in markets for step in steps)


def best_utility(theta: Any, steps: list[tuple[Fraction, Fraction]], budget: float) -> tuple[float, float]:
    """(utility, amount) of the best truthful reply: all amounts at which the integrand can change its sign."""
    ends = [Fraction(0)]
    for _, quantity in steps:
        ends.append(ends[-1] + quantity)
    candidates = [*ends, *(Fraction(theta.demand(float(price))) for price, _ in steps)]
    if budget < math.inf:
        candidates += [
            end - max(Fraction(0), cost(end, steps) - Fraction(budget)) / price
            for (price, _), end in zip(steps, ends[1:], strict=True)
            if price
        ]
    affordable = [z for z in candidates if 0 <= z <= ends[-1] and cost(z, steps) <= budget]
    utilities = [(theta.value(float(z)) - float(cost(z, steps)), float(z)) for z in affordable]
    return max(utilities)
