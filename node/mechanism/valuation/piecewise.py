from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from node.mechanism.checks import non_negative, positive

_Knots = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PiecewiseLinear:
    """θ' from a table: straight lines between knots, 0 past the last one.

    Attributes
    ----------
    knots
        (quantity in MB, marginal valuation in price per MB), two at least: quantities strictly ascending from 0, prices
        non-increasing from above 0.

    Raises
    ------
    ValueError
        If the knots are not of this kind.

    Examples
    --------
    >>> theta = PiecewiseLinear(((0, 10), (20, 4), (60, 0)))
    >>> theta.value(20), theta.marginal(10), theta.demand(4), theta.demand(1), theta.demand_mb
    (140.0, 7.0, 20.0, 50.0, 60.0)
    """

    knots: _Knots
    _values: tuple[float, ...] = field(init=False, repr=False, compare=False)  # θ at the knots
    _ends: tuple[float, ...] = field(init=False, repr=False, compare=False)  # their quantities
    _negated: tuple[float, ...] = field(init=False, repr=False, compare=False)  # minus their prices, to bisect

    def __post_init__(self) -> None:
        knots = _checked(self.knots)
        pieces = (0.5 * (low + high) * (end - begin) for (begin, low), (end, high) in pairwise(knots))
        object.__setattr__(self, "knots", knots)
        object.__setattr__(self, "_values", tuple(accumulate(pieces, initial=0.0)))
        object.__setattr__(self, "_ends", tuple(end for end, _ in knots))
        object.__setattr__(self, "_negated", tuple(-price for _, price in knots))

    @property
    def demand_mb(self) -> float:
        """Where θ' reaches 0, MB."""
        return self.demand(0.0)

    def value(self, quantity: float) -> float:
        """θ(z), money."""
        piece = bisect_left(self._ends, quantity) - 1
        if piece < 0:
            return 0.0
        if piece == len(self.knots) - 1:
            return self._values[-1]
        begin, price = self.knots[piece]
        return self._values[piece] + 0.5 * (price + self.marginal(quantity)) * (quantity - begin)

    def marginal(self, quantity: float) -> float:
        """θ'(z), price per MB; at the last knot its limit from the left."""
        piece = bisect_left(self._ends, quantity)
        if piece == len(self.knots):
            return 0.0
        end, price = self.knots[piece]
        if quantity == end:
            return price
        begin, dearer = self.knots[piece - 1]
        return max(price, dearer + (price - dearer) * ((quantity - begin) / (end - begin)))

    def demand(self, price: float) -> float:
        """The inverse of θ', MB; where θ' stays at ``price`` for a while, the beginning of that."""
        knot = bisect_left(self._negated, -price)
        if not knot:
            return 0.0
        if knot == len(self.knots):
            return self._ends[-1]
        begin, dearer = self.knots[knot - 1]
        end, cheaper = self.knots[knot]
        return min(end, begin + (end - begin) * ((dearer - price) / (dearer - cheaper)))


def _checked(knots: _Knots) -> _Knots:
    """The knots as floats; a list of lists, as it comes from a file, will do."""
    try:
        pairs = [(quantity, price) for quantity, price in knots]
    except (TypeError, ValueError) as error:
        raise ValueError(f"knots must be pairs of quantity and price, got {knots!r}") from error
    table = tuple((non_negative("knots", quantity), non_negative("knots", price)) for quantity, price in pairs)
    if len(table) < 2 or table[0][0]:  # noqa: PLR2004 - a line has two ends
        raise ValueError(f"knots must be two or more, the first at quantity 0, got {knots!r}")
    positive("the first of knots", table[0][1])
    if not all(begin < end and high >= low for (begin, high), (end, low) in pairwise(table)):
        raise ValueError(f"knots must have ascending quantities and non-increasing prices, got {knots!r}")
    return table
