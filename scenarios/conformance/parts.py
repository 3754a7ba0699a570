"""A part of a scenario that is named at the command line: a table of nothing but that part holds it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from scenarios.files.code import Source
from scenarios.files.explained import converted
from scenarios.files.own import brought, with_own
from scenarios.files.types import Table
from scenarios.markets.load import put

_T = TypeVar("_T", bound=Table)


def code_of(holder: type[Table], tables: dict[str, Any]) -> Source | None:
    """Where the code of the part is, of which nothing is run; None if it comes with the program."""
    return next(iter(brought(tables, holder, Path.cwd())), None)


def held(holder: type[_T], tables: dict[str, Any], settings: Sequence[str]) -> _T:
    """The table with the part, with ``key=value`` settings; ScenarioError if there is no such part."""
    for setting in settings:
        put(tables, setting)
    found = converted(with_own(tables, holder, Path.cwd()), holder)
    found.check("")
    return found
