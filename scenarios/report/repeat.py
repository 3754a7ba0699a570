"""What it takes to run the same again: the scenario as a file in the folder of the run, and the command."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios.files.toml import to_toml

NAME = "scenario.toml"


def scenario_file(folder: Path) -> Path:
    """Where the folder of a run has the scenario as a file: beside the code that it brings, if it brings any."""
    code = folder / "code"
    return (code if code.exists() else folder) / NAME


def write_scenario(folder: Path, tables: Mapping[str, Any]) -> None:
    """Keep a scenario as a file in the folder of its run."""
    scenario_file(folder).write_text(to_toml(tables), encoding="utf-8")


def command(folder: Path, manifest: Mapping[str, Any]) -> str:
    """The command that repeats the run, given in its folder."""
    words = ["bidswarm", "run", str(scenario_file(folder).relative_to(folder))]
    words += ["--world", manifest["world"], "--seed", str(manifest["seed"])]
    options = manifest.get("options", {})
    if manifest["broker"] not in (None, "embedded") and "profile" not in options:
        words += ["--broker", manifest["broker"]]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    return shlex.join(words)
