"""Arguments of the mechanisms, checked once at the door."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]


def non_negative(name: str, value: float) -> float:
    """``value`` as a float.

    Raises
    ------
    ValueError
        If it is NaN, infinite, negative or not a number; the text names ``name`` and the value.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be a number, got {value!r}") from error
    if not 0.0 <= number < math.inf:
        raise ValueError(f"{name} must be finite and at least 0, got {value!r}")
    return number + 0.0  # no -0.0, which would show in every charge


def positive(name: str, value: float) -> float:
    """``value`` as a float.

    Raises
    ------
    ValueError
        If it is NaN, infinite, not above 0 or not a number; the text names ``name`` and the value.
    """
    number = non_negative(name, value)
    if not number:
        raise ValueError(f"{name} must be finite and above 0, got {value!r}")
    return number


def non_negative_array(name: str, values: Any) -> FloatArray:  # noqa: ANN401 - whatever numpy takes for an array
    """``values`` as a float64 array of shape (n,).

    Raises
    ------
    ValueError
        If an element is NaN, infinite or negative, or the shape is not (n,); the text names ``name``.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from error
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), got {array.shape}")
    # NaN makes both comparisons false, so two passes find all three faults.
    if array.size and not (array.min() >= 0.0 and array.max() < math.inf):
        worst = int(np.flatnonzero(~(np.isfinite(array) & (array >= 0.0)))[0])
        raise ValueError(f"{name} must be finite and at least 0, got {array[worst]} at index {worst}")
    return array


def bids(quantity: Any, price: Any) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401 - whatever numpy takes
    """Quantities and prices of one book as two float64 arrays of the same shape (n,).

    Raises
    ------
    ValueError
        If one of them is not a bid array, or the shapes differ.
    """
    quantities = non_negative_array("quantity", quantity)
    prices = non_negative_array("price", price)
    if quantities.shape != prices.shape:
        raise ValueError(f"quantity and price must have the same shape, got {quantities.shape} and {prices.shape}")
    return quantities, prices
