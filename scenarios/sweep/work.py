"""One run of a sweep, in whatever process does it."""

import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator, Sized
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from scenarios.errors import RunError, ScenarioError
from scenarios.files.names import meant
from scenarios.files.own import bring_texts
from scenarios.launch.options import Onlookers, RunOptions
from scenarios.launch.run import BrokenRunError, carry_out
from scenarios.results import folder as rundir
from scenarios.results.outcome import Summary
from scenarios.results.result import Result
from scenarios.sweep.plan import Order
from scenarios.sweep.stopping import UntilCi

PART = "part"
"""Where in the folder of a sweep its runs happen."""

BROKEN = ("error", "failed")
"""The statuses of runs that broke down."""

_ELSEWHERE = {"run_dir", "seed", "world", "status"}
"""Fields of a summary that are no figures of a row: they have columns of their own, or differ each time."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run, as the file of that run holds it.

    Attributes
    ----------
    status
        As in the summary of the run, or ``error`` if there is none.
    error, details
        What broke it down, in a line, and where in the program that came up.
    wall_s
        Seconds on the wall clock, set-up included.
    """

    run: str
    seed: int
    world: str
    status: str
    error: str | None = None
    details: str | None = None
    figures: dict[str, Any] = {}
    versions: dict[str, str | None] = {}
    wall_s: float = 0.0

    @property
    def is_broken(self) -> bool:
        """Whether it broke down, so that it is worth another try."""
        return self.status in BROKEN


def figure_for(until: UntilCi | None, done: Done) -> float | None:
    """The figure of a run that decides when its cell has enough; None if it has none, since it broke down.

    Raises
    ------
    ScenarioError
        If no run has it as a number.
    """
    if until is None or not done.figures:
        return None
    numbers = [name for name, value in done.figures.items() if not isinstance(value, str | bool)]
    if until.figure not in numbers:
        raise ScenarioError(
            f"--until-ci {until.half_width}:{until.figure}{meant(until.figure, numbers)}: allowed figures are: "
            f"{', '.join(numbers)}"
        )
    figure: float | None = done.figures[until.figure]
    return figure


def broken(order: Order, error: BaseException) -> Done:
    """A run that an error kept from a result."""
    text = str(error) if isinstance(error, ScenarioError | RunError) else f"{type(error).__name__}: {error}"
    details = "".join(traceback.format_exception(error))
    return Done(
        run=order.run,
        seed=order.seed,
        world=order.world,
        status="error",
        error=text.partition("\n")[0],
        details=details,
        versions=_versions(),
    )


def perform(order: Order) -> Done:
    """Do a run, and say what became of it, whatever that is."""
    started = time.monotonic()
    try:
        done = _done(order)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other runs go on, and the table names it
        done = broken(order, error)
    return msgspec.structs.replace(done, versions=_versions(), wall_s=round(time.monotonic() - started, 3))


def _done(order: Order) -> Done:
    if order.bidswarm != (own := _versions()["bidswarm_version"]):
        raise RunError(f"this worker has bidswarm {own}, the sweep {order.bidswarm}: install that here")
    with tempfile.TemporaryDirectory(prefix=f"{order.run}-", dir=_place(order), ignore_cleanup_errors=True) as name:
        scratch, error = Path(name), None
        bring_texts(tuple(order.code.items()))
        options = RunOptions(
            seed=order.seed,
            world=order.world,
            broker=order.broker,
            timeout_s=order.timeout_s,
            out=scratch,
            tables=order.keep != "summary",
            pictures=False,
            labels={"run": order.run, **order.labels},
        )
        try:
            result = carry_out(order.scenario, options, Onlookers())
        except BrokenRunError as failure:
            result, error = failure.result, str(failure)
        if result.summary.status == "interrupted":
            raise KeyboardInterrupt
        if order.keep != "summary":
            _keep(order, result)
    return Done(
        run=order.run,
        seed=order.seed,
        world=order.world,
        status=result.summary.status,
        error=error,
        figures=figures_of(result.summary),
    )


def _place(order: Order) -> Path | None:
    """Where the run happens: in the folder of the sweep, if this machine sees it, or where the system has room."""
    if order.shared is None:
        if order.keep != "summary":
            raise RunError(f"--keep {order.keep} needs a folder that all workers see")
        return None
    shared = Path(order.shared)
    if not shared.is_dir():
        raise RunError(f"this worker does not see {shared}: --keep {order.keep} needs a folder that all workers see")
    (shared / PART).mkdir(exist_ok=True)
    return shared / PART


def _keep(order: Order, result: Result[Any]) -> None:
    """Put the folder of the run, or its tables, where the sweep keeps them."""
    assert order.shared is not None
    done = result.run_dir
    final = Path(order.shared) / "runs" / order.run
    rundir.write_json(done / "summary.json", msgspec.structs.replace(result.summary, run_dir=str(final)))
    if order.keep == "tables":
        kept = {f"{name}.parquet" for name in result.TABLES} | {"summary.json"}
        for entry in done.iterdir():
            if entry.name not in kept:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.rmtree(final, ignore_errors=True)  # of an attempt that was killed just then
    final.parent.mkdir(exist_ok=True)
    done.replace(final)


def figures_of(summary: Summary) -> dict[str, Any]:
    """The figures of a run that fit into a row: numbers, texts, true and false; of lists and tables, how many."""
    figures: dict[str, Any] = {}
    for name, kinds in _kinds(type(summary)).items():
        value = getattr(summary, name)
        if float in kinds and value is not None:
            figures[name] = float(value)
        elif kinds <= {int, float, str, bool}:
            figures[name] = value
        elif isinstance(value, Sized):
            figures[f"{name}_count"] = len(value)
    figures["expectations_unmet"] = sum(not one.held for one in summary.expectations)
    return figures


@cache
def _kinds(summary: type[Summary]) -> dict[str, set[Any]]:
    """What may stand in each field of a summary, null aside."""
    hints = get_type_hints(summary)
    return {name: set(_plain(hints[name])) for name in summary.__struct_fields__ if name not in _ELSEWHERE}


def _plain(hint: Any) -> Iterator[Any]:  # noqa: ANN401 - any type
    if get_origin(hint) in (Union, UnionType):
        for one in get_args(hint):
            yield from _plain(one)
    elif get_origin(hint) is Literal:
        yield from {type(value) for value in get_args(hint)} - {NoneType}
    elif hint is not NoneType:
        yield hint


@cache
def _versions() -> dict[str, str | None]:
    """What the row says of the program that did the run."""
    environment = rundir.environment()
    versions = {name: environment["versions"].get(name) for name in ("bidswarm", "python", "numpy")}
    return {f"{name}_version": of for name, of in versions.items()} | {"git_revision": environment["git_revision"]}
