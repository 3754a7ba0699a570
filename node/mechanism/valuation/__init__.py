"""What quantities of the good are worth to a user (paper, Def. IV.1): one family per module."""

from node.mechanism.valuation.capped import Capped
from node.mechanism.valuation.curvature import curvature
from node.mechanism.valuation.flat import Flat
from node.mechanism.valuation.isoelastic import Isoelastic
from node.mechanism.valuation.logarithmic import Logarithmic
from node.mechanism.valuation.paced import Paced
from node.mechanism.valuation.parabolic import Parabolic
from node.mechanism.valuation.piecewise import PiecewiseLinear
from node.mechanism.valuation.protocol import Valuation
from node.mechanism.valuation.remainder import Remainder
from node.mechanism.valuation.scaled import Scaled

__all__ = [
    "Capped",
    "Flat",
    "Isoelastic",
    "Logarithmic",
    "Paced",
    "Parabolic",
    "PiecewiseLinear",
    "Remainder",
    "Scaled",
    "Valuation",
    "curvature",
]
