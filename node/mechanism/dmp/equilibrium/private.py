from dataclasses import dataclass, field
from typing import Any

import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp.checks import price_weight, rivals, within
from node.mechanism.dmp.equilibrium.distribution import UNIT, Distribution
from node.mechanism.dmp.equilibrium.excess import Excess, mean_excess
from node.mechanism.dmp.equilibrium.pseudo_type import PseudoType, pseudo_type
from node.mechanism.rounding import BOUND_ROUNDING


@dataclass(frozen=True, slots=True)
class PrivateEquilibrium:
    """The symmetric equilibrium when everybody knows its own cost and reputation alone.

    A bid b of compound β earns b - c = (β - t)/w with the pseudo-type t = w·c + (1 - w)·r, so that an operator of type
    (c, r) faces a first-price procurement auction in t: it bids the compound β*(t) = E[T_(1:N-1) | T_(1:N-1) > t], that
    is the price b*(c, r) = c + (β*(t) - t)/w. The paper leaves this case open (Conjecture 3).

    Attributes
    ----------
    w
        The price weight, in (0, 1].
    bidders
        N, at least 2.
    cost, reputation
        The distributions that everybody draws from; reputations within [0, 1].

    Raises
    ------
    ValueError
        If ``w`` is outside of [0, 1], ``bidders`` is not an integer of at least 1, or reputations leave [0, 1].
    NoEquilibriumError
        If ``w`` is 0 (Proposition 1) or ``bidders`` is 1: every higher bid is better.

    Examples
    --------
    >>> equilibrium = PrivateEquilibrium(w=0.5, bidders=3)
    >>> equilibrium.bid(0.2, [0.0, 0.5, 1.0]).round(4).tolist()
    [0.7928, 0.5028, 0.36]
    """

    w: float
    bidders: int
    cost: Distribution = UNIT
    reputation: Distribution = UNIT
    _type: PseudoType = field(init=False, repr=False, compare=False)
    _excess: Excess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "w", price_weight(self.w))
        within("reputation.low and reputation.high", [self.reputation.low, self.reputation.high], 0.0, 1.0)
        object.__setattr__(self, "_type", pseudo_type(self.w, self.cost, self.reputation))
        object.__setattr__(self, "_excess", mean_excess(self._type, rivals(self.bidders)))

    @property
    def low(self) -> float:
        """The lower end of the pseudo-types."""
        return self._type.low

    @property
    def high(self) -> float:
        """The upper end of the pseudo-types, which is also the highest compound bid."""
        return self._type.high

    def pseudo_type(self, c: Any, r: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
        """The type w·c + (1 - w)·r for costs and reputations of shapes that broadcast.

        Raises
        ------
        ValueError
            If a cost or reputation is outside of its distribution's support.
        """
        costs = within("c", c, self.cost.low, self.cost.high)
        reputations = within("r", r, self.reputation.low, self.reputation.high)
        return np.clip(self.w * costs + (1.0 - self.w) * reputations, self.low, self.high)

    def survival(self, t: Any) -> FloatArray:  # noqa: ANN401
        """P(T > t), the probability that a given rival has a higher pseudo-type."""
        return self._type.survival(within("t", t, -np.inf, np.inf))

    def compound(self, t: Any) -> FloatArray:  # noqa: ANN401
        """β*(t), the compound bid; at the upper end its limit, t itself.

        Raises
        ------
        ValueError
            If a pseudo-type is outside of [low, high].
        """
        slack = BOUND_ROUNDING * max(abs(self.low), abs(self.high))
        types = np.clip(within("t", t, self.low - slack, self.high + slack), self.low, self.high)
        return types + self._excess(types)

    def bid(self, c: Any, r: Any) -> FloatArray:  # noqa: ANN401
        """b*(c, r) = (β*(t) - (1 - w)·r)/w, money per call, at least the cost.

        Raises
        ------
        ValueError
            If a cost or reputation is outside of its distribution's support.
        """
        # The margin is added to the cost, which loses nothing for small w, unlike the difference of the definition.
        return np.asarray(c, dtype=np.float64) + self._excess(self.pseudo_type(c, r)) / self.w
