"""From a file or a name to a valid scenario, or to an error that says what to change."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from scenarios.chaos.validity import check_chaos
from scenarios.errors import ScenarioError, check_all, not_toml, reason
from scenarios.files.checks import check_names
from scenarios.files.code import Source
from scenarios.files.explained import converted
from scenarios.files.names import meant
from scenarios.files.own import brought, with_own
from scenarios.files.places import Origin
from scenarios.files.populations import OWN_COLUMNS, with_file_rows
from scenarios.markets.base import Scenario
from scenarios.markets.kind import MarketKind
from scenarios.markets.registry import kind_named, kinds

LIBRARY = resources.files("scenarios") / "library"

DEFAULT_MARKET = "psp"
"""Of files that do not say."""

Tables = dict[str, Any]


def shipped() -> dict[str, str]:
    """The scenarios that come with the program and with other packages' markets: name to text."""
    folders = [*(kind.library for kind in kinds().values() if kind.library), LIBRARY]
    files = {entry.name: entry for folder in folders for entry in folder.iterdir() if entry.name.endswith(".toml")}
    return {name.removesuffix(".toml"): files[name].read_text(encoding="utf-8") for name in sorted(files)}


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
            raise ScenarioError(f"cannot read scenario {path}: {reason(error)}") from error
    ours = LIBRARY / f"{name_or_path}.toml"
    library = {name_or_path: ours.read_text(encoding="utf-8")} if ours.is_file() else shipped()
    if name_or_path not in library:
        raise ScenarioError(
            f"no scenario {name_or_path!r}{meant(name_or_path, library)}; give a .toml file or one of: "
            f"{', '.join(library)}"
        )
    return library[name_or_path], f"{name_or_path}.toml", Path.cwd()


class Draft(NamedTuple):
    """A scenario file as it was read, of which no code has been run yet.

    Attributes
    ----------
    tables
        With settings put over them, and the rows of populations in place of their files.
    origin
        What they were read from, so that errors can say where.
    folder
        Where code of one's own stands.
    """

    tables: Tables
    origin: Origin
    folder: Path

    def code(self) -> list[Source]:
        """The code that it brings; ScenarioError if its market is not installed."""
        try:
            return brought(self.tables, _kind_of(self.tables).scenario, self.folder)
        except ScenarioError as error:
            raise ScenarioError(self.origin.placed(str(error))) from error

    def scenario(self) -> Scenario:
        """The scenario, its code loaded; errors as for ``load``."""
        return parse(self.tables, self.origin, self.folder)


def read(name_or_path: str, settings: Sequence[str] = ()) -> Draft:
    """The scenario of that name or file with ``key=value`` settings, to see what it brings before that is run.

    Raises
    ------
    ScenarioError
        If it is not there, or not TOML.
    """
    text, origin, folder = source(name_or_path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(not_toml(origin, error)) from error
    return drafted(tables, settings, origin, folder, text)


def drafted(tables: Tables, settings: Sequence[str], name: str, folder: Path, text: str = "") -> Draft:
    """The tables of a file with ``key=value`` settings put over them, which changes them.

    ``name`` is what errors call the file, and ``text`` what it holds, if that is known.
    """
    for setting in settings:
        put(tables, setting)
    tables, rows = with_file_rows(tables, folder)
    return Draft(tables, Origin(name, text, settings, rows), folder)


def load(name_or_path: str, settings: Sequence[str] = ()) -> Scenario:
    """The scenario of that name or file, with ``key=value`` settings put over it.

    Raises
    ------
    ScenarioError
        If it is not there, not TOML, or not a valid scenario; the text has a line for everything that is wrong, with
        file, line, key, value and what is allowed.
    """
    return read(name_or_path, settings).scenario()


def _kind_of(tables: Mapping[str, Any]) -> MarketKind:
    return kind_named(str(tables.get("market", DEFAULT_MARKET)))


def parse(tables: Mapping[str, Any], origin: Origin | str, folder: Path | None = None) -> Scenario:
    """A valid scenario from its tables; ``origin`` is what they were read from, or what errors call them.

    Code of one's own stands in ``folder``, the working folder if not given.

    Raises
    ------
    ScenarioError
        If they are not valid; the text names origin, key, value and what is allowed.
    """
    try:
        kind = _kind_of(tables)
        scenario = converted(with_own(tables, kind.scenario, folder or Path.cwd()), kind.scenario)
        _check(scenario)
        kind.check(scenario)
    except ScenarioError as error:
        placed = origin if isinstance(origin, Origin) else Origin(origin)
        raise ScenarioError(placed.placed(str(error))) from error
    return scenario


def _check(scenario: Scenario) -> None:
    """What holds for scenarios of any market: names are names, tables make sense, faults happen to users in time."""
    checks = [
        partial(check_names, [scenario.name], "a scenario"),
        partial(check_names, scenario.user_names, "every user"),
        partial(scenario.check, ""),
    ]
    if scenario.chaos:
        checks.append(partial(check_chaos, scenario.chaos, scenario.user_names, scenario.timeout_s))
    check_all(checks)


def with_populations(scenario: Scenario) -> Scenario:
    """The scenario with the rows of its population files, which are relative to the working folder."""
    tables = msgspec.to_builtins(scenario)
    groups = {kind: tables[kind] for kind in OWN_COLUMNS if kind in tables}
    if not any(group["file"] for users in groups.values() for group in users):
        return scenario
    tables |= {kind: [_given(group) for group in users] for kind, users in groups.items()}
    return parse(with_file_rows(tables, Path.cwd())[0], scenario.name)


def _given(group: Tables) -> Tables:
    """A table without the keys that only its defaults set."""
    given = {key: value for key, value in group.items() if value is not None}
    if "file" in given:
        del given["count"]
    return given


def put(tables: Tables, setting: str) -> None:
    """Put ``a.b.0.c=value`` over the tables, or ``a.b.*.c=value``; the value is read as TOML, or else as text."""
    key, equals, text = setting.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ScenarioError(f"--set takes key=value, for example auction.quiet_period_s=2, got {setting!r}")
    value = value_of(text)
    *parents, last = key.split(".")
    for target in _targets(tables, parents, setting):
        try:
            target[int(last) if isinstance(target, list) else last] = value
        except (ValueError, IndexError, TypeError) as error:
            raise ScenarioError(f"--set {setting}: there is no {key} in the scenario") from error


def value_of(text: str) -> Any:  # noqa: ANN401 - whatever TOML holds
    """The text read as a TOML value, or else as it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _targets(tables: Tables, parents: list[str], setting: str) -> list[Any]:
    """What a key's parents lead to; ``*`` leads to every element of a list, and a missing table is made."""
    targets: list[Any] = [tables]
    for step, part in enumerate(parents):
        try:
            targets = [inner for target in targets for inner in _inner(target, part)]
        except (ValueError, IndexError, AttributeError) as error:
            place = ".".join(parents[: step + 1])
            raise ScenarioError(f"--set {setting}: there is no {place} in the scenario") from error
    return targets


def _inner(target: Any, part: str) -> list[Any]:  # noqa: ANN401 - whatever TOML holds
    if isinstance(target, list):
        return target if part == "*" else [target[int(part)]]
    default = {"kind": "opt-out"} if part == "strategy" else {}
    return [target.setdefault(part, default)]
