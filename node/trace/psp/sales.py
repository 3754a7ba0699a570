"""Sales as both sides tell of them: what counts of each, and which are disputed (docs/results.md)."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from node.mechanism.rounding import ROUNDING
from node.protocol.topics import host_of, node_of
from node.trace.psp.ledger import Amounts


class SaleId(NamedTuple):
    """Which sale it is: the addresses of both sides, and the clearing on which it was awarded."""

    seller: str
    buyer: str
    round: int


NOTHING = Amounts(0.0, 0.0)


class Word(NamedTuple):
    """What one side tells of a sale, and when, seconds."""

    amounts: Amounts
    time_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What each side tells of a sale, None if nothing, and what counts of it."""

    sale: SaleId
    sold: Word | None
    bought: Word | None
    counted: Amounts


@dataclass(frozen=True, slots=True)
class Excuses:
    """What may keep one side of an honest sale from being known at the end of a run.

    Attributes
    ----------
    since_s
        What was told since may have its answer on the way, seconds.
    down
        Hosts that were killed and did not come back: the last words of their nodes may be lost.
    """

    since_s: float = math.inf
    down: Collection[str] = ()


class Sales:
    """What sellers and buyers tell of sales. Only what each tells first of a sale is heeded.

    A sale counts if both sides tell of it, with the smaller amounts where they differ. A buyer that is in doubt is
    bound by the amounts of its doubt. What its seller alone tells of counts if the buyer is from elsewhere, so that
    nobody reads what it tells. No seller's sales count beyond its supply.
    """

    def __init__(self) -> None:
        self._sold: dict[SaleId, Word] = {}
        self._bought: dict[SaleId, Word] = {}
        self._in_doubt: dict[SaleId, Amounts] = {}

    @property
    def in_doubt(self) -> int:
        """How many acceptances their buyers have had no answer to, though they asked for long."""
        return len(self._in_doubt)

    def sold(self, sale: SaleId, amounts: Amounts, time_s: float) -> bool:
        """Take in what a seller tells; whether it is the first word of this sale."""
        word = Word(amounts, time_s)
        return self._sold.setdefault(sale, word) is word

    def bought(self, sale: SaleId, amounts: Amounts, time_s: float) -> None:
        """Take in what a buyer tells."""
        self._bought.setdefault(sale, Word(amounts, time_s))

    def doubted(self, sale: SaleId, amounts: Amounts) -> None:
        """Take in that a buyer has no answer."""
        self._in_doubt[sale] = amounts

    def cleared_up(self, sale: SaleId) -> None:
        """Take in that it has one after all."""
        self._in_doubt.pop(sale, None)

    def verdicts(self, is_known: Callable[[str], bool], supply: Mapping[str, float]) -> Iterator[Verdict]:
        """What counts of each sale.

        Parameters
        ----------
        is_known
            Whether what the buyer of this address tells is read.
        supply
            The most that each seller ever has to sell, MB by name.
        """
        left = {seller: (1.0 + ROUNDING) * most for seller, most in supply.items()}
        # What both sides tell comes first: what a seller makes up must not take the room of what it has sold.
        for sale in sorted(self._sold, key=lambda one: one not in self._bought):
            seller = node_of(sale.seller)
            counted = self._agreed(sale, is_known)
            if counted.quantity > left.get(seller, math.inf):
                counted = NOTHING
            left[seller] = left.get(seller, math.inf) - counted.quantity
            yield Verdict(sale, self._sold[sale], self._bought.get(sale), counted)
        for sale, bought in self._bought.items():
            if sale not in self._sold:
                yield Verdict(sale, None, bought, NOTHING)

    def _agreed(self, sale: SaleId, is_known: Callable[[str], bool]) -> Amounts:
        sold, bought = self._sold[sale].amounts, self._bought.get(sale)
        heard = bought.amounts if bought else self._in_doubt.get(sale)
        if heard is not None:
            return Amounts(*map(min, sold, heard))
        return NOTHING if is_known(sale.buyer) else sold


def is_disputed(verdict: Verdict, excuses: Excuses) -> bool:
    """Whether the two sides differ, and no excuse explains why one of them tells nothing."""
    sold, bought = verdict.sold, verdict.bought
    if sold and bought:
        return not sold.amounts == bought.amounts == verdict.counted
    word = sold or bought
    if word is None or verdict.counted == word.amounts:
        return False
    hosts = {host_of(verdict.sale.seller), host_of(verdict.sale.buyer)}
    return word.time_s < excuses.since_s and hosts.isdisjoint(excuses.down)
