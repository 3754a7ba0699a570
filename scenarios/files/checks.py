"""What tables of any market must fulfil beyond the types of their keys."""

import re
from collections.abc import Iterable

import msgspec

from node.protocol.topics import NAME
from scenarios.errors import ScenarioError
from scenarios.files.tables import NetworkTable, Normal, Uniform


def check_names(names: Iterable[str], whose: str) -> None:
    """Raise ScenarioError if a name may not be one, or is given twice; ``whose`` says in the text who needs one."""
    # The pattern of the schema lets a last line break pass, and does not see the numbers of a population.
    seen: set[str] = set()
    for name in names:
        if not re.fullmatch(NAME, name):
            raise ScenarioError(f"name = {name!r} must match {NAME}")
        if name in seen:
            raise ScenarioError(f"name = {name!r} is given twice; {whose} needs a name of its own")
        seen.add(name)


def check_network(network: NetworkTable) -> None:
    """Raise ScenarioError if no delay lies between the bounds."""
    if network.delay_min_s > network.delay_max_s:
        raise ScenarioError(
            f"network.delay_min_s = {network.delay_min_s} must not exceed network.delay_max_s = {network.delay_max_s}"
        )


def check_numbers(key: str, table: msgspec.Struct) -> None:
    """Raise ScenarioError if a distribution in a field of the table contradicts itself."""
    for field in table.__struct_fields__:
        number = getattr(table, field)
        if isinstance(number, Uniform | Normal) and number.low > number.high:
            raise ScenarioError(f"{key}.{field}.low = {number.low} must not exceed high = {number.high}")
        if isinstance(number, Normal) and not number.low <= number.mean <= number.high:
            raise ScenarioError(f"{key}.{field}.mean = {number.mean} must lie between low and high")
