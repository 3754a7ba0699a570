"""The discriminatory auction of a divisible good, straight from its definition: exact, no shared code, slow."""

from fractions import Fraction

from tests.oracles import psp
from tests.oracles.psp import Book


def charges(book: Book, supply: Fraction, reserve: Fraction) -> list[Fraction]:
    return [p * amount for (_, p), amount in zip(book, psp.allocations(book, supply, reserve), strict=True)]
