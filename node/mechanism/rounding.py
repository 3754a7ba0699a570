"""What passes for rounding: the tolerances of the whole program, each with why it has its size."""

import numpy as np

ROUNDING = 1e-9
"""Relative, between nodes. Two nodes add up the same amounts in different orders, over thousands of messages: sums that
differ by less are equal, and nobody bids, sells or misses a smaller share of a demand, a supply or a capacity."""

SUM_ROUNDING = 1e-12
"""Within one computation: what the sums over one book or table may leave. Far below ``ROUNDING``, so that nothing
that a node takes for a quantity gets lost in a clearing."""

BOUND_ROUNDING = 4.0 * float(np.finfo(np.float64).eps)
"""Relative, of one formula at the end of its range: some units in the last place, so that a check of the range lets no
wrong argument pass."""

FOREIGN_ROUNDING = 1e-6
"""Relative, of a valuation that a scenario brings: its author may integrate or invert numerically, which we do not."""
