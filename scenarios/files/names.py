"""The names of users in scenario files."""

from collections.abc import Iterable
from typing import Protocol


class _Group(Protocol):
    """A table of a scenario that stands for one user or a population."""

    @property
    def name(self) -> str: ...

    @property
    def count(self) -> int: ...


def names_of(group: _Group) -> list[str]:
    """The node names of a table: its own, or name-1, name-2, … for a population."""
    return [group.name] if group.count == 1 else [f"{group.name}-{k}" for k in range(1, group.count + 1)]


def some(names: Iterable[str], most: int = 10) -> str:
    """The first of many names, as errors list them."""
    shown = list(names)
    return ", ".join(shown[:most]) + (" …" if len(shown) > most else "")
