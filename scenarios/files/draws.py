"""Drawing the numbers of a scenario."""

from typing import TypeVar

import msgspec
import numpy as np

from scenarios.errors import ScenarioError
from scenarios.files.own import OwnTable
from scenarios.files.tables import Distribution, Number
from scenarios.files.types import Table

_Any = TypeVar("_Any", bound=Table)


def drawn(number: Number, random: np.random.Generator) -> float:
    """The number itself, or one drawn from its distribution.

    Raises
    ------
    ScenarioError
        If a normal distribution hardly ever lies between its bounds.
    """
    return number.draw(random) if isinstance(number, Distribution) else float(number)


def drawn_table(table: _Any, random: np.random.Generator) -> _Any:
    """The table with one number in place of each distribution, drawn in the order of its fields."""
    if isinstance(table, OwnTable):
        return table.drawn(random)
    values = {field: getattr(table, field) for field in table.__struct_fields__}
    numbers = {field: value.draw(random) for field, value in values.items() if isinstance(value, Distribution)}
    return msgspec.structs.replace(table, **numbers)


def as_drawn(number: Number) -> float:
    """A number that has been drawn; a table that draws holds such."""
    assert isinstance(number, float | int)
    return number


def check_bound(what: str, number: float, most: float) -> None:
    """ScenarioError if ``number`` is more than a message can carry."""
    if number > most:
        raise ScenarioError(f"{what} = {number:g} must be at most {most:g}")
