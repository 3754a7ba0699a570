"""How much a buyer with a budget dares to bid in all."""

import math
from dataclasses import dataclass, field

from node.mechanism.valuation import Paced
from node.strategy.psp.offer import Need, Prospect

BURSTS = 4
"""Times that standing bids may cost more than the budget before the buyer bids for less money in all."""

CAUTION = 0.85
"""The new limit as a share of what bids came to that cost too much, at most."""

SPENT = 0.98
"""What those bids are to cost, as a share of the budget."""

ROOM = 0.95
"""A limit may rise while bids cost less than this share of the budget."""

RISE = 0.5
"""By this share of it a limit rises."""

FALLEN = 0.5
"""Where a rise has failed the next is tried when bids cost no more than this share of what they cost before it."""


@dataclass(slots=True)
class Pace:
    """The limit on what a buyer's bids come to in all, price times MB, learnt from bids that cost more than the budget.

    A PSP auction charges less than what is bid, so bids may come to more than the budget; how much more others decide.
    A limit of the budget itself is always safe, and no limit is ever below that. So a limit falls a few times at most;
    and it rises again where there is room, until a rise has been too much.

    Attributes
    ----------
    limit
        In budgets, a number of at least 1; infinite until bids have cost too much several times.
    """

    limit: float = math.inf
    _bursts: int = field(init=False, default=0)
    _before: tuple[float, float] | None = field(init=False, default=None)
    """The limit before it rose last, in budgets, and what the bids cost then, money."""
    _tries_at: float = field(init=False, default=math.inf)
    """What the bids must cost less than for a rise to be tried, money."""
    _paced: tuple[Need, float, Need] | None = field(init=False, default=None)

    def need(self, need: Need) -> Need:
        """What the buyer wants within the limit."""
        if self.limit == math.inf:
            return need
        if self._paced is None or self._paced[0] != need or self._paced[1] != self.limit:
            paced = Need(Paced(need.valuation, self.limit * need.budget), need.budget, need.whole)
            self._paced = need, self.limit, paced
        return self._paced[2]

    def slow_down(self, need: Need, standing: Prospect) -> None:
        """Lower the limit after several bursts; after a rise, to what it was before, for good."""
        self._bursts += 1
        if self._before:
            self.limit, paid = self._before
            self._tries_at, self._before = FALLEN * paid, None
        elif self._bursts > BURSTS:
            too_much = min(self.limit, _offered(need, standing) / need.budget if need.budget else math.inf)
            self.limit = max(1.0, too_much * min(CAUTION, SPENT * need.budget / standing.cost))

    def may_rise(self, need: Need, standing: Prospect) -> bool:
        """Whether the limit keeps the buyer from asking for more, though there is money left."""
        has_room = standing.cost < min(ROOM * need.budget, self._tries_at)
        return self.limit < math.inf and has_room and _offered(need, standing) > self.limit * need.budget

    def rise(self, need: Need, standing: Prospect) -> None:
        """Try a higher limit."""
        self._before = self.limit, standing.cost
        self.limit *= min(1.0 + RISE, need.budget / standing.cost) if standing.cost else 1.0 + RISE


def _offered(need: Need, standing: Prospect) -> float:
    """What a bid without a limit for the MB that the buyer gets would come to, money."""
    return need.valuation.marginal(standing.total) * standing.total
