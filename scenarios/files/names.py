"""The names of users in scenario files."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Protocol

from scenarios.errors import ScenarioError
from scenarios.words import naturally

LIKENESS = 0.7
"""Of a mistyped word to the one that was meant; more unlike ones are better listed than guessed."""


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


def meant(word: str, known: Iterable[str]) -> str:
    """What was meant by a word that is none of the known ones, if one of them is like it, as errors ask."""
    close = get_close_matches(word, known, n=1, cutoff=LIKENESS)
    return f" (did you mean {close[0]}?)" if close else ""


def check_known(key: str, names: Sequence[str], known: Collection[str], what: str) -> None:
    """Raise ScenarioError, naming ``key``, value and who is known, if one of the names is not."""
    for name in names:
        if name not in known:
            raise ScenarioError(
                f"{key} = {name!r}: there is no such {what}{meant(name, known)}; known: {some(naturally(known))}"
            )
