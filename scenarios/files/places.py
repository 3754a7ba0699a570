"""Where in its files something in a scenario stands, so that an error can say so."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from scenarios.files.populations import OWN_COLUMNS

Path = tuple[str, ...]
"""A key by its parts, places of lists among them."""

_KEY = re.compile(r"(?:unknown key )?([\w-]+(?:\.[\w*-]+)*)")
"""What an error is about: every error about a key of a file begins with it."""

_USER = re.compile(r"(unknown key )?((?:sellers|buyers)\.\d+)(\.?)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the tables of a scenario were read from.

    Attributes
    ----------
    name, text
        What errors call the file, and what it holds; nothing if it is none.
    settings
        ``key=value`` texts that were put over it.
    rows
        Where each user stands, by its place among all users: at a place of the file, or in a row of a population.
    """

    name: str
    text: str = ""
    settings: Sequence[str] = ()
    rows: Mapping[str, str] = field(default_factory=dict)

    def placed(self, errors: str) -> str:
        """Errors, a line each, with the file and line of each in front, or the setting."""
        return "\n".join(self._placed(error) for error in errors.split("\n"))

    def _placed(self, error: str) -> str:
        if user := _USER.match(error):
            unknown, place, dot, rest = user.groups(default="")
            found = self.rows.get(place, place)
            if not found.startswith(tuple(OWN_COLUMNS)):  # a row of a population
                return f"{self.name}: {found}{f': {unknown}' if dot else ''}{rest}"
            error = f"{unknown}{found}{dot}{rest}"
        key = _KEY.match(error)
        if key is None:
            return f"{self.name}: {error}"
        line, set_keys = line_of(self.text, key[1].split(".")), [one.partition("=")[0].strip() for one in self.settings]
        if any(_covers(one, key[1]) or (line is None and _covers(key[1], one)) for one in set_keys):
            return f"{self.name}, by --set: {error}"
        return f"{self.name}{'' if line is None else f':{line}'}: {error}"


def _covers(outer: str, inner: str) -> bool:
    """Whether a key of ``--set``, in which ``*`` is every place of a list, is this key or one that it is in."""
    parts, others = outer.split("."), inner.split(".")
    return len(parts) <= len(others) and all(part in ("*", other) for part, other in zip(parts, others, strict=False))


def line_of(text: str, key: Sequence[str]) -> int | None:
    """The line, from 1, on which a key of a TOML text begins, or the table that lacks it; None if it has neither."""
    lines = _lines_of(text)
    return next((lines[part] for depth in range(len(key), 0, -1) if (part := tuple(key[:depth])) in lines), None)


@lru_cache(maxsize=1)
def _lines_of(text: str) -> dict[Path, int]:
    """The line of every key and every place of a list, found a statement at a time by the TOML parser."""
    lines, counts = text.splitlines(keepends=True), Counter[Path]()
    found: dict[Path, int] = {}
    table: Path = ()
    first = 0
    while first < len(lines):
        until, said = _statement(lines, first)
        if lines[first].lstrip().startswith("["):
            *outer, last = _heading(said)
            table = _within(outer, counts)
            if lines[first].lstrip().startswith("[["):
                found.setdefault((*table, last), first + 1)
                counts[*table, last] += 1
            table = _within([last], counts, table)
            found.setdefault(table, first + 1)
        else:
            for key in keys_of(said):
                found.setdefault((*table, *key), first + 1)
        first = until
    return found


def _statement(lines: Sequence[str], first: int) -> tuple[int, dict[str, Any]]:
    """Where the statement that begins at a line ends, which may be some lines below, and what it says."""
    for until in range(first + 1, len(lines) + 1):
        try:
            return until, tomllib.loads("".join(lines[first:until]))
        except tomllib.TOMLDecodeError:
            continue
    return len(lines), {}


def _heading(said: Any) -> Iterator[str]:  # noqa: ANN401 - whatever TOML holds
    """The names in a heading."""
    while said:
        if isinstance(said, list):
            (said,) = said
        else:
            ((name, said),) = said.items()
            yield name


def _within(names: Iterable[str], counts: Counter[Path], table: Path = ()) -> Path:
    """The table that a heading means: of a list the element that was begun last."""
    for name in names:
        table = (*table, name)
        if counts[table]:
            table = (*table, str(counts[table] - 1))
    return table


def keys_of(value: Any, key: Path = ()) -> Iterator[Path]:  # noqa: ANN401 - whatever TOML holds
    """Every key of tables, and every place of lists."""
    for name, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield (*key, str(name))
        yield from keys_of(inner, (*key, str(name)))
