"""The folder of a sweep: its plan, a small file for each run that is over, and the table of all (docs/sweeps.md)."""

import re
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from scenarios.errors import RunError, ScenarioError
from scenarios.extras import needs
from scenarios.results import folder as rundir
from scenarios.results.tables import arrow_type
from scenarios.sweep.plan import Plan
from scenarios.sweep.stopping import Stopping
from scenarios.sweep.work import PART, Done, figure_for

MANIFEST = "sweep.json"

_TEXTS = ("error", "broker")
"""Columns of texts that may all be null."""


class _Manifest(msgspec.Struct):
    sweep: Plan


class SweepFolder:
    """A folder that holds a sweep; any number of processes may record runs in it at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def table(self) -> Path:
        """Where the table is."""
        return self.path / "sweep.parquet"

    def begin(self, plan: Plan) -> None:
        """Make the folder for this sweep, or find it as the same sweep has left it.

        Raises
        ------
        ScenarioError
            If the folder cannot be made, or holds something else.
        """
        if (self.path / MANIFEST).exists():
            if self.plan().sha256 != plan.sha256:
                raise ScenarioError(
                    f"--out {self.path}: holds another sweep (scenario, settings, seeds, world, --until-ci, --keep or "
                    "version differ): choose another folder, or go on with that one: bidswarm sweep "
                    f"{self.path} --resume"
                )
            return
        try:
            if self.path.exists() and any(self.path.iterdir()):
                raise ScenarioError(f"--out {self.path}: holds something else than a sweep: choose another folder")
            (self.path / "runs").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ScenarioError(
                f"--out {self.path}: cannot be made: {error.strerror}; choose another folder"
            ) from error
        self.note(plan, "planned")

    def plan(self) -> Plan:
        """The sweep that the folder holds.

        Raises
        ------
        ScenarioError
            If it holds none.
        """
        path = self.path / MANIFEST
        try:
            return msgspec.json.decode(path.read_bytes(), type=_Manifest).sweep
        except OSError as error:
            raise ScenarioError(f"{path}: cannot be read: {error.strerror}; give the folder of a sweep") from error
        except msgspec.DecodeError as error:
            raise ScenarioError(f"{path}: is none that this version wrote: {error}") from error

    def note(self, plan: Plan, status: str) -> None:
        """Write how far the sweep is, and with what it is done here."""
        go_on = f"bidswarm sweep {shlex.quote(str(self.path))} --resume"
        rundir.write_json(
            self.path / MANIFEST, {**rundir.environment(), "status": status, "go_on": go_on, "sweep": plan}
        )

    def record(self, done: Done) -> None:
        """Keep what became of a run.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        path = self._file(done.run)
        try:
            rundir.write_json(path, done)
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror}; free some space, then --resume") from error

    def done(self, run: str) -> Done | None:
        """What became of a run; None if it is not over."""
        try:
            return msgspec.json.decode(self._file(run).read_bytes(), type=Done)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise ScenarioError(f"{self._file(run)}: is none that bidswarm wrote ({error}): remove it") from error

    def over(self) -> dict[str, Done]:
        """All runs that are over, by id."""
        found = (self.done(path.stem) for path in sorted((self.path / "runs").glob("*.json")))
        return {done.run: done for done in found if done}

    def gather(self, plan: Plan) -> Counter[str]:
        """Write the table of all runs that are over; how many there are of each status.

        ``missing`` counts those that are still to be done, ``unmet`` those that missed an expectation.
        """
        rows, missing = rows_of(plan, self.over())
        parquet, part = needs("pyarrow.parquet"), self.path / "sweep.parquet.part"
        parquet.write_table(table_of(plan, rows), part)
        part.replace(self.table)
        if not missing:
            shutil.rmtree(self.path / PART, ignore_errors=True)  # what killed runs have left
        self.note(plan, "interrupted" if missing else "complete")
        counts = Counter(str(row["status"]) for row in rows)
        counts["unmet"] = sum(bool(row.get("expectations_unmet")) for row in rows)
        counts["missing"] = missing
        return +counts

    def _file(self, run: str) -> Path:
        if not re.fullmatch("[0-9a-f]{16}", run):
            raise ScenarioError(f"--only {run}: no run has such an id; bidswarm sweep FOLDER --list prints them")
        return self.path / "runs" / f"{run}.json"


def rows_of(plan: Plan, over: dict[str, Done]) -> tuple[list[dict[str, Any]], int]:
    """A row for each run that counts and is over, by cell and then seed; and how many of those that count are not.

    With ``until_ci`` a cell ends at the first of its seeds with which its interval is tight enough, whatever else has
    been run.
    """
    rows: list[dict[str, Any]] = []
    missing = 0
    for cell, runs in enumerate(plan.runs):
        stopping, is_whole = Stopping(plan.until_ci), True
        for run in runs:
            done = over.get(run)
            if done is None:
                missing, is_whole = missing + 1, False
                continue
            rows.append(_row(plan, cell, done))
            if is_whole and stopping.add(figure_for(plan.until_ci, done)):
                break
    return rows, missing


def _row(plan: Plan, cell: int, done: Done) -> dict[str, Any]:
    parameters = {key: values[cell] for key, values in plan.parameters.items()}
    of_run = {"run": done.run, "seed": done.seed, "world": done.world}
    return {
        **of_run,
        **parameters,
        "status": done.status,
        "error": done.error,
        **{name: figure for name, figure in done.figures.items() if name not in parameters},
        **done.versions,
    }


def table_of(plan: Plan, rows: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - an Arrow table
    """The rows as a table; the same rows give the same bytes."""
    arrow = needs("pyarrow")
    names = dict.fromkeys(["run", "seed", "world", *plan.parameters, "status", "error"])
    for row in rows:
        names |= dict.fromkeys(row)
    return arrow.table(dict(_columns(plan, list(names), rows)))


def _columns(plan: Plan, names: list[str], rows: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    arrow = needs("pyarrow")
    for name in names:
        values = [row.get(name) for row in rows]
        known = plan.parameters.get(name, values)  # so that an interrupted sweep has the types of a whole one
        yield name, arrow.array(values, arrow.string() if name in _TEXTS else arrow_type(*known))
