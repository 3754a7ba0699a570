"""From a file and options to one node's settings, or to an error that says what to change."""

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from scenarios.device.schema import NodeFile
from scenarios.errors import ScenarioError, not_toml, reason
from scenarios.files.code import Source
from scenarios.files.explained import converted
from scenarios.files.own import brought, with_own
from scenarios.files.places import Origin

Tables = dict[str, Any]

PATHS = ("profile", "journal")
"""Keys with paths: those of a file are relative to it."""


def read_settings(
    file: Path | None, options: Mapping[str, Any], name_code: Callable[[Source], None] | None = None
) -> NodeFile:
    """The settings of the file, if there is one, with ``options`` put over them; they have the form of its tables.

    ``name_code`` is told of all code of one's own before it is loaded.

    Raises
    ------
    ScenarioError
        If they are no node's; the text names the key and what is allowed.
    """
    origin = str(file) if file else "bidswarm node"
    text = _text(file) if file else ""
    tables = _merged(_tables(file, text) if file else {}, options)
    # So that a password stands neither in a file nor in the list of processes.
    if "profile" not in tables and "broker" not in tables and (url := os.environ.get("BIDSWARM_BROKER")):
        tables["broker"] = url
    folder = file.parent if file else Path.cwd()
    if name_code:
        for source in brought(tables, NodeFile, folder):
            name_code(source)
    try:
        tables = with_own(tables, NodeFile, folder)
        settings = converted(tables, NodeFile)
        settings.check("")
    except ScenarioError as error:
        said = "\n".join(f"{_as_option(fault)}; see: bidswarm node --help" for fault in str(error).split("\n"))
        raise ScenarioError(Origin(origin, text).placed(said)) from error
    if fault := _fault(settings):
        raise ScenarioError(f"{origin}: {fault}; see: bidswarm node --help")
    return settings


def _as_option(text: str) -> str:
    """The error about a missing key, with the option of the command line that sets it."""
    if text in {"buyer.valuation lacks the key kind", "buyer lacks the key valuation"}:
        return f"{text}: give --value-per-mb (flat) or --choke-price (parabolic), with --demand-mb"
    missing = text.removeprefix("the scenario lacks the key ")
    return text if missing == text else f"the key {missing} (--{missing}) is missing"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"cannot read {file}: {reason(error)}") from error


def _tables(file: Path, text: str) -> Tables:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(not_toml(str(file), error)) from error
    return tables | {key: str(file.parent / tables[key]) for key in PATHS if isinstance(tables.get(key), str)}


def _merged(under: Tables, over: Mapping[str, Any]) -> Tables:
    """The tables of the one with those of the other put over them."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if not isinstance(value, Mapping):
            merged[key] = value
        elif not isinstance(below, dict):
            merged[key] = _merged({}, value)
        elif value.get("kind", below.get("kind")) == below.get("kind"):
            merged[key] = _merged(below, value)
        else:  # of another kind only the demand goes on
            merged[key] = {name: below[name] for name in ("demand_mb",) if name in below} | dict(value)
    return merged


def _fault(settings: NodeFile) -> str | None:
    """A mistake in the settings that types cannot express, with the remedy; None if there is none."""
    if (settings.profile is None) == (settings.broker is None):
        return "the broker is named by profile (--profile), or by broker (--broker): give one of them"
    if settings.profile is not None and settings.host is not None:
        return "host (--host) goes with broker; with a profile it is the profile's name"
    own, other = ("buyer", "seller") if settings.role == "buyer" else ("seller", "buyer")
    if getattr(settings, own) is None:
        needed = "--seller, --demand-mb and --value-per-mb or --choke-price" if own == "buyer" else "--supply-mb"
        return f"a {own} needs the table [{own}], or {needed}"
    if getattr(settings, other) is not None:
        return f"role is {own}, so the table [{other}] and its options are out of place"
    return _drawn(settings)


def _drawn(settings: NodeFile) -> str | None:
    table: msgspec.Struct | None = settings.seller or (settings.buyer and settings.buyer.valuation)
    assert table is not None
    for key in table.__struct_fields__:
        if isinstance(getattr(table, key), msgspec.Struct):
            return f"{key} is a distribution, and a node needs a number"
    return None
