"""Tables that code of one's own describes: ``kind = "module:Class"``, or the name of an entry point.

Where plain names may stand beside such a table, ``"module:Class"`` alone is short for the table without other keys.
Such a table is kept as an ``OwnTable``: the name of the code, the hash of its source, and the keys. Workers find a file
that stood beside the scenario in the run's folder, where ``keep`` puts it and ``bring`` takes it up.
"""

import atexit
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import msgspec
import numpy as np

from scenarios.errors import ScenarioError
from scenarios.files.code import Base, Source, broken, file_module, installed, module_name, resolve, source_of
from scenarios.files.explained import converted
from scenarios.files.tables import Distribution
from scenarios.files.types import Table
from scenarios.files.walk import element_type, is_table, plain_values, tables_of

PLACEHOLDER = "module:Class"
"""The kind of a table of one's own once it has been read; errors that list what is allowed show it as it is meant."""

KIND = "`module:Class`, or the name under which an installed package brings it"

_B = TypeVar("_B", bound=Base)


class OwnTable(Table, frozen=True, tag_field="kind", tag=PLACEHOLDER):
    """A table that code of one's own describes.

    Attributes
    ----------
    code
        ``module:Class``, or the name of an entry point.
    sha256
        Of its source, if that is a file.
    keys
        The other keys of the table, as its class takes them.
    group
        The entry points among which names are looked up.
    base
        What the class must derive from.
    draws
        Whether a key may be a distribution, from which each member of a population draws its own number.
    by_name
        Whether its kind may stand alone, as text, for the table without other keys.
    """

    group: ClassVar[str]
    base: ClassVar[type[Base]]
    draws: ClassVar[bool] = False
    by_name: ClassVar[bool] = False

    code: str
    sha256: str | None
    keys: dict[str, Any]

    def check(self, key: str) -> None:
        """What the class checks, and whether it builds; ScenarioError if its code fails at that."""
        try:
            sample = self.drawn(np.random.default_rng(0))
            sample.own(Base, key).check(key)
            sample.try_out()
        except (ScenarioError, ValueError) as error:
            raise ScenarioError(str(error) if isinstance(error, ScenarioError) else f"{key}: {error}") from error
        except Exception as error:  # the code's own
            raise broken(f"{key}: {self.code}", error) from error

    def try_out(self) -> None:
        """Build once what the drawn table describes; ValueError if that is none."""
        raise NotImplementedError

    def drawn(self, random: np.random.Generator) -> Self:
        """The table with one number in place of each distribution, drawn in the order of the file."""
        return msgspec.structs.replace(self, keys=_drawn(self.keys, random) if self.draws else self.keys)

    def own(self, base: type[_B], key: str = "") -> _B:
        """The table as its class takes it; ``base`` is what the caller knows of that."""
        table = _made(_loaded_class(self), self.keys, key or self.code)
        assert isinstance(table, base)
        return table


def _made(kind: type[_B], keys: Mapping[str, Any], key: str) -> _B:
    """The keys as that table; ScenarioError if they are none, where the table stands at ``key``."""
    try:
        return converted(keys, kind, key)
    except ScenarioError:
        raise
    except Exception as error:  # of a __post_init__
        raise broken(f"{key}: {kind.__name__}", error) from error


def _drawn(keys: Mapping[str, Any], random: np.random.Generator, key: str = "") -> dict[str, Any]:
    found = ((name, _distribution(value, f"{key}.{name}")) for name, value in keys.items())
    numbers = {name: one.draw(random) for name, one in found if one}
    return {**keys, **numbers}


def _distribution(value: Any, key: str) -> Distribution | None:  # noqa: ANN401 - whatever TOML holds
    if not isinstance(value, dict) or "distribution" not in value:
        return None
    parent, _, name = key.rpartition(".")
    holder = msgspec.defstruct("Holder", [(name, Distribution)])
    found: Distribution = getattr(converted({name: value}, holder, parent), name)
    found.check(key)
    return found


def _loaded_class(table: OwnTable) -> type[Base]:
    """The class of a table that was read before, in this process or in another."""
    module, _, attribute = table.code.partition(":")
    loaded = sys.modules.get(module_name(module, table.sha256 or ""))
    if loaded is not None:
        found: type[Base] = getattr(loaded, attribute)
        return found
    source = source_of(table.code, table.group, Path("/nowhere"))
    if source is None:
        raise ScenarioError(f"kind = {table.code!r}: no installed package has it in {table.group}: install the one")
    return resolve(source, table.base)


# What a scenario brings


def brought(tables: Mapping[str, Any], whole: type[msgspec.Struct], folder: Path) -> list[Source]:
    """All code that the tables of a file name, each once; none of it is run."""
    places = _own_places(_copied(dict(tables)), whole, "")
    found = (source_of(str(value["kind"]), own.group, folder) for _, own, value in places)
    return list(dict.fromkeys(source for source in found if source))


def with_own(tables: Mapping[str, Any], whole: type[msgspec.Struct], folder: Path) -> dict[str, Any]:
    """The tables with each of one's own as an ``OwnTable``, its code loaded and its keys checked.

    Raises
    ------
    ScenarioError
        If the code cannot be loaded, or does not take the keys.
    """
    copied: dict[str, Any] = _copied(dict(tables))
    find = cache(source_of)  # a population may name the same code in each of its rows
    for key, own, value in list(_own_places(copied, whole, "")):
        kind = str(value["kind"])
        if source := find(kind, own.group, folder):
            keys = {name: one for name, one in value.items() if name != "kind"}
            sample = _drawn(keys, np.random.default_rng(0), key) if own.draws else keys
            _made(resolve(source, own.base, f"{key}.kind"), sample, key)
            value.clear()
            value.update(kind=PLACEHOLDER, code=kind, sha256=source.sha256, keys=keys)
    return copied


def _own_places(value: Any, kind: Any, key: str) -> Iterator[tuple[str, type[OwnTable], dict[str, Any]]]:  # noqa: ANN401 - whatever TOML holds
    """Every table whose kind is none of those that come with the program, with its key."""
    if isinstance(value, list):
        element = element_type(kind)
        for k, one in enumerate(value):
            yield from _own_places(one, element, f"{key}.{k}")
    elif isinstance(value, dict):
        own, ours = _kinds(kind)
        if own and value.get("kind") == PLACEHOLDER and "code" in value:  # read before
            value = _as_written(value)
        if own and isinstance(value.get("kind"), str) and value["kind"] not in ours:
            yield key, own, value
        table = next((table for table in tables_of(kind) if is_table(table, value)), None)
        fields = _fields_with_own(table) if table else {}
        for name in [name for name in value if name in fields]:
            one, inner = value[name], fields[name]
            if isinstance(one, str) and _is_name_of_own(inner, one):
                one = value[name] = {"kind": one}  # the table that it is short for
            yield from _own_places(one, inner, f"{key}.{name}" if key else name)


@cache
def _fields_with_own(table: type[msgspec.Struct]) -> dict[str, Any]:
    """The types of those fields of a table in which one of one's own may stand."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(table) if _may_hold_own(field.type)}


def _may_hold_own(kind: Any) -> bool:  # noqa: ANN401 - any type
    """Whether a table of one's own may stand where this type is expected, or anywhere in what may."""
    element = element_type(kind)
    if element is not None and _may_hold_own(element):
        return True
    return _kinds(kind)[0] is not None or any(_fields_with_own(table) for table in tables_of(kind))


def _is_name_of_own(kind: Any, text: str) -> bool:  # noqa: ANN401 - any type
    """Whether the text, where this type is expected, is short for a table of one's own."""
    own, _ = _kinds(kind)
    if own is None or not own.by_name or text in plain_values(kind):
        return False
    return ":" in text or text in installed(own.group)


def _copied(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        return {name: _copied(one) for name, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def kind_of_table(table: Table) -> str:
    """The kind of a table as a file calls it."""
    return table.code if isinstance(table, OwnTable) else str(type(table).__struct_config__.tag)


@cache
def _kinds(kind: Any) -> tuple[type[OwnTable] | None, frozenset[object]]:  # noqa: ANN401 - any type
    """The table of one's own that may stand where this type is expected, and the kinds that come with the program."""
    tables = tables_of(kind)
    own = next((table for table in tables if issubclass(table, OwnTable)), None)
    return own, frozenset(table.__struct_config__.tag for table in tables if table is not own)


def _as_written(value: dict[str, Any]) -> dict[str, Any]:
    """A table of one's own turned back, in place, into what the file said."""
    code, keys = value["code"], value["keys"]
    value.clear()
    value.update(keys, kind=code)
    return value


# For other processes


def code_in(value: Any) -> Iterator[OwnTable]:  # noqa: ANN401 - a table, or what stands in one
    """All tables of one's own in a scenario, or in a list of its tables."""
    if isinstance(value, OwnTable):
        yield value
    elif isinstance(value, Table):
        for field in value.__struct_fields__:
            yield from code_in(getattr(value, field))
    elif isinstance(value, list):
        for one in value:
            yield from code_in(one)


def keep(scenario: msgspec.Struct, folder: Path) -> None:
    """Copy the files that stood beside the scenario into the folder: workers load them there, and so may others."""
    for name, file in files_of(scenario).items():
        folder.mkdir(exist_ok=True)
        shutil.copyfile(file, folder / name)


def files_of(scenario: msgspec.Struct) -> dict[str, Path]:
    """The files that stood beside the scenario and that it names, by the names under which they are kept."""
    files = {}
    for table in code_in(scenario):
        module = table.code.partition(":")[0]
        loaded = sys.modules.get(module_name(module, table.sha256 or ""))
        if loaded is not None and loaded.__file__:
            files[f"{module}.py"] = Path(loaded.__file__)
    return files


def bring(folder: Path) -> None:
    """Load all that was kept in the folder."""
    for file in sorted(folder.glob("*.py")):
        file_module(file)


@cache
def bring_texts(code: tuple[tuple[str, bytes], ...]) -> None:
    """Load files by name and text, from a folder that this process keeps: a run here copies them from there."""
    if code:
        folder = Path(tempfile.mkdtemp(prefix="bidswarm-code-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        for name, text in code:
            (folder / name).write_bytes(text)
        bring(folder)


def as_in_files(definitions: dict[str, Any]) -> dict[str, Any]:
    """Definitions of a JSON Schema with every table of one's own as a file has it, before it is read."""
    found = dict(definitions)
    for own in OwnTable.__subclasses__():
        if own.__name__ in found:
            kinds = [{"pattern": "^[^:]+:[^:]+$"}, *({"const": name} for name in installed(own.group))]
            kind = {"type": "string", "anyOf": kinds}
            by_name = {"type": ["object", "string"], "anyOf": [{"type": "object"}, kind]}
            found[own.__name__] = {
                "title": own.__name__,
                "description": found[own.__name__]["description"],
                "type": "object",
                "properties": {"kind": {"description": KIND, **kind}},
                "required": ["kind"],
                "additionalProperties": True,
                **(by_name if own.by_name else {}),
            }
    _drop_placeholder(found)
    return found


def _drop_placeholder(value: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    """Take the one kind that no file has out of every map from kind to table."""
    if isinstance(value, dict):
        if isinstance(kinds := value.get("mapping"), dict):
            kinds.pop(PLACEHOLDER, None)
        for one in value.values():
            _drop_placeholder(one)
    elif isinstance(value, list):
        for one in value:
            _drop_placeholder(one)
