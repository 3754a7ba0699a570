"""The uniform price auction of a divisible good, straight from docs/decisions/0013: exact, no shared code, slow."""

from fractions import Fraction

from tests.oracles import psp
from tests.oracles.psp import Book

SLACK = Fraction(1e-9)


def price(book: Book, supply: Fraction, reserve: Fraction) -> Fraction:
    """The highest price at which the bids at and above it want more than there is, by more than rounding."""
    losing = [p for _, p in book if p >= reserve and sum(d for d, at in book if at >= p) > supply * (1 + SLACK)]
    return max(losing, default=reserve)


def charges(book: Book, supply: Fraction, reserve: Fraction) -> list[Fraction]:
    return [price(book, supply, reserve) * amount for amount in psp.allocations(book, supply, reserve)]
