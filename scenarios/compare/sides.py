"""What is compared: sides, each of them runs with their figures (docs/comparing.md)."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

from scenarios.errors import ScenarioError, reason
from scenarios.extras import needs
from scenarios.results import folder as rundir
from scenarios.sweep.folder import MANIFEST

SWEEP_TABLE = "sweep.parquet"

Swept = Callable[[str], Path]
"""Has a scenario run with many seeds; the result is the folder of that sweep."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    Attributes
    ----------
    settings
        What beside the seed tells it from the other runs of its side, and its world.
    figures
        The numbers of its summary; null where there is none.
    folder
        Where its tables are, if they were kept.
    labels
        The parameters of a sweep, which are columns of these.
    """

    seed: int
    settings: Mapping[str, Any]
    status: str
    figures: Mapping[str, float | None]
    folder: Path | None = None
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Side:
    """Some runs under one name.

    Attributes
    ----------
    market
        The kind of their market, if it is known.
    origins
        Other names, the shortest first, should several sides have the same.
    """

    name: str
    rows: Sequence[Row]
    market: str | None = None
    origins: Sequence[str] = field(default=())


def sides_of(sources: Sequence[str], by: str | None, swept: Swept) -> list[Side]:
    """The sides that these sources hold, the baseline first.

    Parameters
    ----------
    sources
        Run folders, folders of such, sweeps, tables of sweeps, or scenarios, each perhaps as ``NAME=SOURCE``.
    by
        The key whose values are the sides, of a single source.

    Raises
    ------
    ScenarioError
        If there are not two sides, or one of them is nothing that can be compared.
    """
    found = [_side(source, swept) for source in sources]
    if by is not None:
        if len(found) != 1:
            raise ScenarioError(f"--by {by}: compares the values of one sweep: give one source, not {len(found)}")
        return _split(found[0], by)
    if len(found) == 1:
        keys = ", ".join(_varying(found[0].rows)) or "none of its settings vary"
        raise ScenarioError(f"{sources[0]}: has nothing to be compared with: give another, or --by KEY ({keys})")
    return _named(found)


def _side(source: str, swept: Swept) -> Side:
    name, equals, path = source.partition("=")
    if not equals or Path(source).exists():
        name, path = "", source
    side = _read(Path(path), swept)
    if not side.rows:
        raise ScenarioError(f"{path}: holds no run that is over")
    return replace(side, name=name, origins=()) if name else side


def _read(path: Path, swept: Swept) -> Side:
    if path.suffix == ".parquet" and path.is_file():
        return _of_table(path)
    if (path / MANIFEST).is_file():
        return _of_sweep(path)
    if (path / "manifest.json").is_file():
        return _of_run(path)
    if path.is_dir():
        return _of_folder(path)
    return replace(_of_sweep(swept(str(path))), name=path.stem, origins=(path.stem, str(path)))


def _of_table(path: Path) -> Side:
    """A table with a row for each run, as a sweep gathers it."""
    try:
        rows = needs("pyarrow.parquet").read_table(path).to_pylist()
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path}: cannot be read: {reason(error)}") from error
    names = list(rows[0]) if rows else []
    if not {"run", "seed", "world", "status"} <= {*names}:
        raise ScenarioError(f"{path}: is no table of a sweep: it lacks run, seed, world or status")
    keys, after = names[names.index("world") : names.index("status")], names[names.index("status") :]
    folders, labels = path.parent / "runs", frozenset(keys)
    return Side(
        path.parent.name or str(path),
        [
            Row(
                row["seed"],
                {key: row[key] for key in keys},
                row["status"],
                {name: row[name] for name in after if row[name] is None or is_number(row[name])},
                folders / row["run"] if (folders / row["run"]).is_dir() else None,
                labels,
            )
            for row in rows
        ],
        origins=(path.parent.name, str(path)),
    )


def _of_sweep(folder: Path) -> Side:
    if not (folder / SWEEP_TABLE).is_file():
        raise ScenarioError(f"{folder}: its table is not gathered yet: bidswarm sweep {folder} --resume")
    tables = rundir.read_json(folder / MANIFEST)["sweep"]["scenario"]
    return replace(_of_table(folder / SWEEP_TABLE), market=tables.get("market", "psp"))


def _of_run(folder: Path) -> Side:
    manifest = rundir.read_json(folder / "manifest.json")
    if not (folder / "summary.json").is_file():
        raise ScenarioError(f"{folder}: has no results yet: bidswarm report {folder}")
    summary = rundir.read_json(folder / "summary.json")
    row = Row(manifest["seed"], {"world": manifest["world"]}, summary["status"], dict(_figures(summary)), folder)
    world, scenario = manifest["world"], manifest["scenario"]["name"]
    origins = (world, f"{scenario} in {world}", folder.name, str(folder))
    return Side(world, [row], manifest["scenario"].get("market", "psp"), origins)


def _of_folder(folder: Path) -> Side:
    runs = [_of_run(path.parent) for path in sorted(folder.glob("*/manifest.json"))]
    if not runs:
        raise ScenarioError(f"{folder}: is neither a run nor a sweep, and holds no runs")
    return Side(folder.name, [row for run in runs for row in run.rows], runs[0].market, (folder.name, str(folder)))


def _figures(summary: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    """The figures of a summary as the table of a sweep has them."""
    for name, value in summary.items():
        if name == "seed":
            continue
        if value is None or is_number(value):
            yield name, value
        elif isinstance(value, Sized) and not isinstance(value, str):
            yield f"{name}_count", len(value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _varying(rows: Sequence[Row]) -> list[str]:
    keys = dict.fromkeys(key for row in rows for key in row.settings)
    return [key for key in keys if len({repr(row.settings.get(key)) for row in rows}) > 1]


def _split(side: Side, by: str) -> list[Side]:
    varying = _varying(side.rows)
    if by not in varying:
        raise ScenarioError(f"--by {by}: allowed are keys that vary: {', '.join(varying) or 'there is none'}")
    rows: dict[str, list[Row]] = {}
    for row in side.rows:
        others = {key: value for key, value in row.settings.items() if key != by}
        rows.setdefault(str(row.settings[by]), []).append(replace(row, settings=others))
    return [Side(value, of_value, side.market) for value, of_value in rows.items()]


def _named(sides: Sequence[Side]) -> list[Side]:
    """The sides, each under the first of its names that tells all apart."""
    given = {side.name for side in sides if not side.origins}
    for level in range(max(len(side.origins) for side in sides) or 1):
        names = [side.origins[min(level, len(side.origins) - 1)] if side.origins else side.name for side in sides]
        if len({*names}) == len(sides) and len(given & {*names}) == len(given):
            return [replace(side, name=name) for side, name in zip(sides, names, strict=True)]
    raise ScenarioError(f"{sides[0].name}: two sides have this name: give each one of its own, NAME=SOURCE")
