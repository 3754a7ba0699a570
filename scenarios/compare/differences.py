"""Paired differences of figures, and whether they are more than noise."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.rounding import ROUNDING
from scenarios.compare.sides import Row, Side
from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.sweep.stopping import FEWEST

RESAMPLES, BATCH_NUMBERS = 9_999, 10_000_000
"""Of the bootstrap: how many in all, and how many numbers in memory at a time."""

Key = tuple[Any, ...]


class Difference(msgspec.Struct, frozen=True):
    """One figure of one side, and how it differs from that of the baseline in runs of the same seed and settings.

    Attributes
    ----------
    pairs
        How many runs of both sides have the figure.
    mean_baseline, mean, difference
        Of these pairs; the difference is that of the means, and the mean of the differences.
    low, high
        The bootstrap interval of the mean difference (BCa, Efron 1987); null of fewer than five pairs.
    differs
        Whether 0 is outside of the interval; null if there is none.
    is_equal
        Whether the figure is the same in all pairs.
    """

    figure: str
    side: str
    baseline: str
    pairs: int
    mean_baseline: float
    mean: float
    difference: float
    low: float | None
    high: float | None
    differs: bool | None
    is_equal: bool


def paired(baseline: Side, side: Side) -> list[tuple[Row, Row]]:
    """Runs of the same seed, and of the same value of each setting that both sides have, but for the world.

    Raises
    ------
    ScenarioError
        If a side has several runs for one of them, or there is no pair.
    """
    common = _keys(baseline) & _keys(side) - {"world"}
    of_baseline, of_side = _by_key(baseline, sorted(common)), _by_key(side, sorted(common))
    pairs = [(row, of_side[key]) for key, row in of_baseline.items() if key in of_side]
    if not pairs:
        raise ScenarioError(
            f"{baseline.name} and {side.name} have no run of the same seed and settings: nothing to compare"
        )
    return pairs


def _keys(side: Side) -> set[str]:
    return {key for row in side.rows for key in row.settings}


def _by_key(side: Side, keys: Sequence[str]) -> Mapping[Key, Row]:
    found: dict[Key, Row] = {}
    for row in side.rows:
        key = (row.seed, *(repr(row.settings.get(name)) for name in keys))
        if key in found:
            others = sorted({*row.settings} - {*keys} - {"world"}) or ["its folders"]
            raise ScenarioError(
                f"{side.name}: has two runs of seed {row.seed}, told apart by {', '.join(others)}: "
                "make them sides of their own, with --by KEY or one source each"
            )
        found[key] = row
    return found


def differences(
    baseline: Side, side: Side, pairs: Sequence[tuple[Row, Row]], confidence: float, wanted: Sequence[str] = ()
) -> Iterator[Difference]:
    """Of the figures that are wanted, or of every one that both have as a number, in the order of the baseline's.

    Raises
    ------
    ScenarioError
        If one that is wanted is none.
    """
    names = dict.fromkeys(name for row, _ in pairs for name, value in row.figures.items() if value is not None)
    for name in wanted:
        if name not in names:
            raise ScenarioError(f"--figures {name}: {baseline.name} has no such; allowed are: {', '.join(names)}")
    for name in wanted or names:
        known = values_of(name, pairs)
        if len(known):
            yield _difference(name, side.name, baseline.name, known, confidence)


def values_of(figure: str, pairs: Sequence[tuple[Row, Row]]) -> FloatArray:
    """A figure of the pairs in which both runs have it, those of the baseline in the first column."""
    both = [(one.figures.get(figure), other.figures.get(figure)) for one, other in pairs]
    known = [(a, b) for a, b in both if _is_finite(a) and _is_finite(b)]
    return np.array(known, dtype=float).reshape(-1, 2)


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _difference(figure: str, side: str, baseline: str, known: FloatArray, confidence: float) -> Difference:
    means = known.mean(axis=0)
    change = known[:, 1] - known[:, 0]
    change[np.abs(change) <= ROUNDING * np.abs(known).max(axis=1)] = 0.0
    low, high = interval(change, confidence)
    differs = None if low is None or high is None else not low <= 0.0 <= high
    return Difference(
        figure,
        side,
        baseline,
        len(known),
        float(means[0]),
        float(means[1]),
        float(change.mean()),
        low,
        high,
        differs,
        is_equal=not change.any(),
    )


def interval(values: FloatArray, confidence: float) -> tuple[float | None, float | None]:
    """The bootstrap interval of the mean, the same every time; none of fewer than five values."""
    if len(values) < FEWEST:
        return None, None
    if np.ptp(values) == 0.0:
        return float(values[0]), float(values[0])
    found = needs("scipy.stats").bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=RESAMPLES,
        batch=max(1, BATCH_NUMBERS // len(values)),
        method="BCa",
        rng=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
