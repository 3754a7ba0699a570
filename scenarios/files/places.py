"""Where in its files something in a scenario stands, so that an error can say so."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scenarios.files.populations import OWN_COLUMNS

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
    """The line, from 1, on which a key of a TOML text begins, or else the table that lacks it; None if it has neither.

    The TOML parser alone reads the text: as many lines more than any that lack the key are those that begin to set it.
    """
    lines = text.splitlines(keepends=True)
    parts = _longest(_read(lines, len(lines))[1], key)
    if not parts:
        return None
    before, until = 0, len(lines)
    while until - before > 1:
        middle = (before + until) // 2
        if _longest(_read(lines, middle)[1], parts) == parts:
            until = middle
        else:
            before = middle
    return until


def _longest(tables: Any, key: Sequence[str]) -> Sequence[str]:  # noqa: ANN401 - whatever TOML holds
    """As much of the key as there is in the tables."""
    for depth, part in enumerate(key):
        try:
            tables = tables[int(part)] if isinstance(tables, list) else tables[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return key[:depth]
    return key


def _read(lines: Sequence[str], count: int) -> tuple[int, dict[str, Any]]:
    """The tables of the first ``count`` lines, or of as many more as end no value in its middle; how many these are."""
    for many in range(count, len(lines) + 1):
        try:
            return many, tomllib.loads("".join(lines[:many]))
        except tomllib.TOMLDecodeError:
            continue
    return len(lines), {}
