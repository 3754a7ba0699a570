"""From a file or a name to a valid scenario, or to an error that says what to change."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from scenarios import schema
from scenarios.errors import ScenarioError
from scenarios.populations import with_file_rows
from scenarios.schema import Scenario
from scenarios.validity import check_scenario

LIBRARY = resources.files("scenarios") / "library"

Tables = dict[str, Any]


def shipped() -> dict[str, str]:
    """The scenarios that come with the program: name to text."""
    files = [entry for entry in LIBRARY.iterdir() if entry.name.endswith(".toml")]
    return {entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8") for entry in sorted(files, key=str)}


def source(name_or_path: str) -> tuple[str, str, Path]:
    """The text of a scenario, how errors call it, and the folder its populations are relative to.

    Raises
    ------
    ScenarioError
        If there is neither such a file nor such a shipped scenario.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.is_file():
        try:
            return path.read_text(encoding="utf-8"), str(path), path.resolve().parent
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(f"cannot read scenario {path}: {error}") from error
    library = shipped()
    if name_or_path not in library:
        close = get_close_matches(name_or_path, library, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ScenarioError(f"no scenario {name_or_path!r}{hint}; give a .toml file or one of: {', '.join(library)}")
    return library[name_or_path], f"{name_or_path}.toml", Path.cwd()


def load(name_or_path: str, settings: Sequence[str] = ()) -> Scenario:
    """The scenario of that name or file, with ``key=value`` settings put over it.

    Raises
    ------
    ScenarioError
        If it is not there, not TOML, or not a valid scenario; the text names file, key, value and what is allowed.
    """
    text, origin, folder = source(name_or_path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{origin}: not TOML: {error}") from error
    for setting in settings:
        _put(tables, setting)
    return parse(with_file_rows(tables, folder), origin)


def parse(tables: Mapping[str, Any], origin: str) -> Scenario:
    """A valid scenario from its tables; ``origin`` is what errors call them.

    Raises
    ------
    ScenarioError
        If they are not valid; the text names origin, key, value and what is allowed.
    """
    try:
        scenario = msgspec.convert(tables, Scenario)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"{origin}: {_explained(str(error), tables)}") from error
    check_scenario(scenario, origin)
    return scenario


def _put(tables: Tables, setting: str) -> None:
    """Put ``a.b.0.c=value`` over the tables; the value is read as TOML, or else as text."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise ScenarioError(f"--set takes key=value, for example auction.quiet_period_s=2, got {setting!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    target: Any = tables
    *parents, last = key.split(".")
    for step, part in enumerate(parents):
        try:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        except (ValueError, IndexError, AttributeError) as error:
            place = ".".join(parents[: step + 1])
            raise ScenarioError(f"--set {setting}: there is no {place} in the scenario") from error
    try:
        target[int(last) if isinstance(target, list) else last] = value
    except (ValueError, IndexError, TypeError) as error:
        raise ScenarioError(f"--set {setting}: there is no {key} in the scenario") from error


def _explained(error: str, tables: Mapping[str, Any]) -> str:
    """The decoder's error with the key as a user wrote it, and the value found there."""
    what, _, path = error.partition(" - at `")
    key = path.rstrip("`").removeprefix("$").lstrip(".").replace("[", ".").replace("]", "")
    if what.startswith("Object contains unknown field"):
        unknown = what.split("`")[1]
        allowed = ", ".join(_allowed_keys(key))
        place = f"{key}.{unknown}" if key else unknown
        return f"unknown key {place}" + (f"; allowed here: {allowed}" if allowed else "")
    if what.startswith("Object missing required field"):
        return f"{key or 'the scenario'} lacks the key {what.split('`')[1]}"
    found = _value_at(tables, key)
    return f"{key} = {found!r}: {what[0].lower()}{what[1:]}"


def _value_at(tables: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401 - whatever TOML holds
    value: Any = tables
    for part in key.split("."):
        try:
            value = value[int(part)] if isinstance(value, list | tuple) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return "?"
    return value


_TABLES: dict[str, type[msgspec.Struct]] = {
    "": schema.Scenario,
    "auction": schema.AuctionTable,
    "network": schema.NetworkTable,
    "sellers": schema.Sellers,
    "buyers": schema.Buyers,
}


def _allowed_keys(key: str) -> Iterator[str]:
    parts = [part for part in key.split(".") if not part.isdigit() and part != "..."]
    table = _TABLES.get(".".join(parts))
    if table:
        yield from (field.encode_name for field in msgspec.structs.fields(table))
