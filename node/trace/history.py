"""The course of some figures in bounded memory: all of the time, the longer the more coarsely."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from node.mechanism.checks import FloatArray

Rows = NDArray[np.float32]


class History:
    """Rows of figures at rising times.

    A row is due once in each interval of ``step_s``. When ``capacity`` rows are full, every other one is dropped, and
    intervals become twice as long.

    Attributes
    ----------
    step_s
        How far apart rows are at least, seconds.
    """

    def __init__(self, width: int, capacity: int = 512, step_s: float = 1.0 / 64.0) -> None:
        self.step_s = step_s
        self._table = np.empty((capacity, 1 + width), np.float32)
        self._used = 0
        self._due_s = -math.inf

    def is_due(self, time_s: float) -> bool:
        """Whether there is no row yet of the interval that this time is in, seconds."""
        return time_s >= self._due_s

    def add(self, time_s: float, row: Sequence[float] | FloatArray) -> None:
        """Take a row, which may be wider than those before: they are NaN where they had nothing."""
        if len(row) >= self._table.shape[1]:
            more = len(row) + 1 - self._table.shape[1]
            self._table = np.pad(self._table, ((0, 0), (0, more)), constant_values=math.nan)
        if self._used == len(self._table):
            kept = self._table[::2].copy()
            self._used = len(kept)
            self._table[: self._used] = kept
            self.step_s *= 2.0
        line = self._table[self._used]
        with np.errstate(over="ignore"):  # too large for float32 is infinite
            line[0], line[1 : 1 + len(row)], line[1 + len(row) :] = time_s, row, math.nan
        self._used += 1
        self._due_s = (math.floor(time_s / self.step_s) + 1.0) * self.step_s

    def __len__(self) -> int:
        return self._used

    @property
    def time_s(self) -> Rows:
        """When each row was taken, seconds; shape (t,)."""
        return self._table[: self._used, 0]

    @property
    def rows(self) -> Rows:
        """What was taken; shape (t, width)."""
        return self._table[: self._used, 1:]
