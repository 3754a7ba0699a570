"""The folder of one run: never shared, readable even if the run is cut short (docs/results.md)."""

import hashlib
import os
import platform
import secrets
import shutil
import subprocess
import time
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from scenarios.errors import ScenarioError
from scenarios.files.own import code_in

VERSIONED = ("bidswarm", "aiomqtt", "amqtt", "msgspec", "numpy", "scipy", "pyarrow", "matplotlib")

JOURNALS = "journals"
"""Where in the folder the journals are."""


def create(out: Path, name: str, seed: int) -> Path:
    """A new folder below ``out``, with one for the trace of a market in it.

    Raises
    ------
    ScenarioError
        If it cannot be made; the text names it.
    """
    folder = create_plain(out, f"{name}-seed{seed}")
    (folder / "events").mkdir()
    return folder


def journal(folder: Path, process: str) -> Path:
    """Where a process of the run keeps the journal of its nodes; the folder for it is made."""
    (folder / JOURNALS).mkdir(exist_ok=True)
    return folder / JOURNALS / f"{process}.sqlite"


def create_plain(out: Path, name: str) -> Path:
    """A new folder below ``out``, with nothing in it.

    Raises
    ------
    ScenarioError
        If it cannot be made; the text names it.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = out / f"{stamp}-{name}-{secrets.token_hex(3)}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ScenarioError(
            f"cannot make the run folder {folder}: {error.strerror}; choose another with --out"
        ) from error
    return folder


def discard(folder: Path) -> None:
    """Remove the folder of a run that came to nothing."""
    shutil.rmtree(folder, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Replace the file at once, so that no reader ever sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    part.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """What a file of JSON in the folder holds.

    Raises
    ------
    ScenarioError
        If it cannot be read, or is no such.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise ScenarioError(f"cannot read {path}: {error.strerror}; name the folder of a run") from error
    except msgspec.MsgspecError as error:
        raise ScenarioError(f"{path} is not what a run leaves: {error}") from error


def manifest(scenario: msgspec.Struct, seed: int, world: str, broker: str | None) -> dict[str, Any]:
    """What another person needs to run the same again; it holds no secrets."""
    return {
        **of_scenario(scenario),
        "code_sha256": {table.code: table.sha256 for table in code_in(scenario)},
        "seed": seed,
        "world": world,
        "broker": broker,
        **environment(),
    }


def of_scenario(scenario: msgspec.Struct) -> dict[str, Any]:
    """The part of a manifest that says what is run."""
    tables = msgspec.to_builtins(scenario)
    return {
        "scenario": tables,
        "scenario_sha256": hashlib.sha256(msgspec.json.encode(tables, order="sorted")).hexdigest(),
    }


def environment() -> dict[str, Any]:
    """The part of a manifest that does not depend on what is run: when, with which versions, where."""
    return {
        "status": "running",
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version for name in VERSIONED if (version := _version(name))}
        | {"python": platform.python_version()},
        "host": {"system": platform.system(), "machine": platform.machine(), "cpus": os.cpu_count()},
        "git_revision": _git_revision(),
    }


def finish_manifest(folder: Path, status: str, started: float, **more: Any) -> None:  # noqa: ANN401 - as ``note``
    """Note how the run ended, how long it took on the wall clock, and what else there is to note."""
    note(folder, status=status, wall_s=round(time.monotonic() - started, 3), **more)


def note(folder: Path, **more: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Put something more into the manifest."""
    path = folder / "manifest.json"
    write_json(path, {**msgspec.json.decode(path.read_bytes()), **more})


@cache
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@cache  # the process runs what it has loaded, and asking takes as long as many a run
def _git_revision() -> str | None:
    """The revision of the source tree, where the program runs from one."""
    source = Path(__file__).parents[2]
    if not (source / ".git").exists():
        return None
    command = ["git", "-C", str(source), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
