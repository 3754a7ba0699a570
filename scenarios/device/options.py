"""The options of ``bidswarm node``: the fields of its tables say them, as ``Annotated[..., option(...)]``."""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec

from scenarios.errors import ScenarioError
from scenarios.files.own import OwnTable
from scenarios.files.walk import choices, tables_of


class Option(NamedTuple):
    """An option of the command line.

    Attributes
    ----------
    text, metavar
        What the help says of it, and what it calls its value.
    name
        If it is not the key with hyphens and without the ``_s`` of seconds.
    key, kind
        At a table of several kinds: the key in it, and the kind that giving the option chooses.
    """

    text: str
    metavar: str | None = None
    name: str = ""
    key: str = ""
    kind: str = ""


def option(text: str, metavar: str | None = None, name: str = "") -> msgspec.Meta:
    """What annotates a field that one option sets; of a table of several kinds it sets the kind."""
    return msgspec.Meta(description=text, extra={"options": [Option(text, metavar, name)]})


def options(*those: Option) -> msgspec.Meta:
    """What annotates a table of several kinds, with options for keys in it."""
    return msgspec.Meta(extra={"options": those})


class Setting(NamedTuple):
    """An option by its ``name``, with the place of its key in the tables and the type of its value."""

    name: str
    option: Option
    place: tuple[str, ...]
    type: Any

    @property
    def parameter(self) -> str:
        """The name as one of Python."""
        return self.name.removeprefix("--").replace("-", "_")


def settings_of(table: type[msgspec.Struct], above: tuple[str, ...] = ()) -> Iterator[Setting]:
    """The options that set a key of the table, or of a table in it."""
    for field in msgspec.structs.fields(table):
        place = (*above, field.encode_name)
        yield from (_setting(one, place, field.type) for one in _options_at(field.type))
        for inner in tables_of(field.type):
            if inner.__struct_config__.tag is None:
                yield from settings_of(inner, place)


def _options_at(kind: Any) -> Iterator[Option]:  # noqa: ANN401 - any type
    for meta in get_args(kind)[1:] if get_origin(kind) is Annotated else ():
        yield from (meta.extra or {}).get("options", ())


def _setting(one: Option, place: tuple[str, ...], kind: Any) -> Setting:  # noqa: ANN401 - any type
    """Of a number or a distribution the option is the number; tables of one's own stand in a file."""
    name = one.name or f"--{(one.key or place[-1]).removesuffix('_s').replace('_', '-')}"
    first, tables = choices(kind)[0], [table for table in tables_of(kind) if not issubclass(table, OwnTable)]
    if one.key:
        types = {field.encode_name: field.type for table in tables for field in msgspec.structs.fields(table)}
        return Setting(name, one, (*place, one.key), choices(types[one.key])[0])
    if first in tables:
        kinds = tuple(str(table.__struct_config__.tag) for table in tables)
        return Setting(name, one, (*place, "kind"), Literal[kinds])
    return Setting(name, one, place, list[str] if get_origin(first) is list else first)


def tables_from(settings: Iterable[Setting], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the options given say, by their names in Python, in the form of the tables.

    Raises
    ------
    ScenarioError
        If two of them choose different kinds of one table.
    """
    tables: dict[str, Any] = {}
    choosing: dict[tuple[str, ...], Setting] = {}
    for one in settings:
        *above, key = one.place
        if (value := given[one.parameter]) in (None, []):
            continue
        table: dict[str, Any] = reduce(lambda outer, name: outer.setdefault(name, {}), above, tables)
        table[key] = value
        if kind := one.option.kind:
            first = choosing.setdefault(tuple(above), one)
            if table.setdefault("kind", kind) != kind:
                raise ScenarioError(f"{first.name} and {one.name} exclude each other: give one of them")
    return tables
