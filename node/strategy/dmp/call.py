"""What a network operator knows when it prices a call, and what a pricing strategy is."""

from dataclasses import dataclass
from typing import Protocol

from node.mechanism.checks import non_negative

LARGEST_LOAD = 1000.0
"""A load above this is no share of a capacity: somebody passed kbit/s, or divided by next to nothing."""


@dataclass(frozen=True, slots=True)
class Call:
    """One announced call as one operator sees it when it bids.

    Attributes
    ----------
    price_weight
        w, announced before the auction: weight of the price in the compound bid w·b + (1 - w)·r; in [0, 1].
    cost
        c, the operator's own cost of this call, money; at least 0.
    reputation
        r, the operator's own, in [0, 1]; lower is better.
    rivals
        The rivals' reputations in any order, where they are common knowledge; else None.
    bidders
        N, operators invited to bid, this one included; at least 1.
    load
        Share of the operator's capacity that is in use or promised; above 1 where it promised more than it has.

    Raises
    ------
    ValueError
        If one of them is out of its range, or there is not one reputation for each rival.
    """

    price_weight: float
    cost: float
    reputation: float
    rivals: tuple[float, ...] | None
    bidders: int
    load: float = 0.0

    def __post_init__(self) -> None:
        _share("price_weight", self.price_weight)
        non_negative("cost", self.cost)
        _share("reputation", self.reputation)
        if self.bidders < 1:
            raise ValueError(f"bidders must be at least 1, got {self.bidders}: count the operator itself")
        self._check_rivals()
        if non_negative("load", self.load) > LARGEST_LOAD:
            raise ValueError(f"load must be at most {LARGEST_LOAD:g}, got {self.load!r}: give a share of the capacity")

    def _check_rivals(self) -> None:
        if self.rivals is None:
            return
        if len(self.rivals) != self.bidders - 1:
            raise ValueError(
                f"rivals must have bidders - 1 = {self.bidders - 1} reputations, got {len(self.rivals)}: "
                "leave out the operator's own, or give None where they are not known"
            )
        for rival in self.rivals:
            _share("rivals", rival)


class PricingStrategy(Protocol):
    """How one operator prices calls; an instance belongs to one operator and may learn from call to call."""

    def price(self, call: Call) -> float:
        """The price asked for ``call``, money: finite and never below its cost."""
        ...

    def learned(self, profit: float | None) -> None:
        """What became of the last price; told before the next one is asked.

        ``profit`` is money: price less cost where the call was won, what it lost where it had to be decommitted; None
        where the call was lost.
        """
        ...


def _share(name: str, value: float) -> None:
    if non_negative(name, value) > 1.0:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}: divide it by the largest there can be")
