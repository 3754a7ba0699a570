"""A run on one page of HTML that needs nothing else: no network, no script (docs/results.md)."""

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from scenarios.extras import needs
from scenarios.markets.kind import Meaning, meanings_of
from scenarios.report.finish import Remains
from scenarios.report.repeat import command, scenario_file, write_scenario
from scenarios.report.svg import inline
from scenarios.results.tables import LABELS
from scenarios.results.trace import ARCHIVE
from scenarios.words import counted

PAGE = "report.html"

MOST_ROWS, MOST_COLUMNS, MOST_LINES = 40, 12, 400
"""Of a table, and of the scenario; the files have the rest."""

FORMATS = ("svg", "pdf", "png")

VERDICTS = {
    "settled": "Settled",
    "timeout": "Not settled before the timeout",
    "interrupted": "Interrupted",
    "failed": "Broke down",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as people read it; a number also with all its digits."""

    shown: str
    exact: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column of a table."""

    name: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table, or the first part of it; the note says so."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


def write_page(folder: Path, remains: Remains) -> tuple[dict[str, Any], Path]:
    """Write the page from what the folder of the run has; the figures it shows, and where it is.

    Raises
    ------
    ScenarioError
        If jinja2 or pyarrow is not installed, or a picture in the folder is none.
    """
    jinja2 = needs("jinja2")
    template = resources.files("scenarios.report").joinpath("page.html").read_text(encoding="utf-8")
    settings = {"autoescape": True, "undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    if not scenario_file(folder).exists():
        write_scenario(folder, remains.manifest["scenario"])
    summary = msgspec.json.decode((folder / "summary.json").read_bytes())
    text = jinja2.Environment(**settings).from_string(template).render(_context(folder, remains, summary))
    page = folder / PAGE
    part = page.with_name(f"{PAGE}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(page)
    return summary, page


def _context(folder: Path, remains: Remains, summary: Mapping[str, Any]) -> dict[str, Any]:
    """All that the page shows, by the names that it is called there."""
    manifest, kind = remains.manifest, remains.kind
    meanings = {name: one for name, one in meanings_of(kind).items() if summary.get(name) is not None}
    labels = {*LABELS, *manifest.get("labels", {})}
    tables = [_table(path, labels) for path in sorted(folder.glob("*.parquet")) if path.name != ARCHIVE]
    shown_apart = {*meanings, *(table.name for table in tables), "scenario", "seed", "world", "status", "run_dir"}
    others = {name: value for name, value in summary.items() if name not in shown_apart and value not in (None, [], {})}
    source = scenario_file(folder)
    lines = source.read_text(encoding="utf-8").splitlines()
    return {
        "title": manifest["scenario"]["title"] or summary["scenario"],
        "verdict": f"{VERDICTS[summary['status']]} after {_number(summary['duration_s'])} s",
        "headline": f"{summary['scenario']}: {kind.describe(remains.market)}",
        "warnings": list(_warnings(remains, summary)),
        "manifest": manifest,
        "figures": [_figure(name, one, summary[name]) for name, one in meanings.items()],
        "lists": [{"name": _words(name), "lines": value} for name, value in others.items() if _is_texts(value)],
        "details": list(_details(others)),
        "pictures": list(_pictures(folder, kind.pictures)),
        "tables": tables,
        "scenario": "\n".join(lines[:MOST_LINES]),
        "scenario_cut": max(0, len(lines) - MOST_LINES),
        "scenario_file": source.relative_to(folder).as_posix(),
        "command": command(folder, manifest),
        "repeats": _repeats(manifest["world"]),
        "provenance": list(_provenance(manifest)),
    }


def _warnings(remains: Remains, summary: Mapping[str, Any]) -> Iterator[str]:
    if not remains.is_over:
        yield (
            "The launcher has not written down how the run ended: it was killed, or is still at work. All figures are "
            "those up to the last event in the folder."
        )
    if summary["status"] != "settled":
        yield "The run did not settle: what has not been sold for good counts as it stood."
    broken = sum(not one["held"] for one in summary.get("expectations", ()))
    if broken:
        yield f"Expectations of the scenario that did not hold: {broken}."


def _repeats(world: str) -> str:
    if world == "mqtt":
        return "The same market is drawn; the order of events is the network's, so figures may differ a little."
    return "The same seed and versions give the same figures."


def _figure(key: str, meaning: Meaning, value: Any) -> dict[str, str]:  # noqa: ANN401 - of a summary
    is_share = meaning.unit == "share"
    shown = f"{value:.4%}" if is_share else _cell(value).shown
    unit = "" if is_share else meaning.unit
    return {"key": key, "name": meaning.name, "unit": unit, "text": meaning.text, "exact": str(value), "shown": shown}


def _details(others: Mapping[str, Any]) -> Iterator[Table]:
    """What a summary has besides: single values in one table, and a table for each list of rows and each map."""
    single = {name: value for name, value in others.items() if not isinstance(value, list | dict)}
    if single:
        yield _pairs("Other figures", single)
    for name, value in others.items():
        if isinstance(value, dict):
            yield _pairs(_words(name), value)
        elif isinstance(value, list) and not _is_texts(value):
            columns = {key: [row.get(key) for row in value[:MOST_ROWS]] for key in value[0]}
            yield _columns(_words(name), columns, len(value), "summary.json")


def _is_texts(value: Any) -> bool:  # noqa: ANN401 - of a summary
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _provenance(manifest: Mapping[str, Any]) -> Iterator[Table]:
    keys = ("broker", "started_at", "wall_s", "git_revision", "scenario_sha256")
    known = {key: manifest[key] for key in keys if manifest.get(key) is not None}
    yield _pairs("Origin", known | manifest["host"])
    if manifest.get("code_sha256"):
        yield _pairs("Code that the scenario brings", {k: v or "no file" for k, v in manifest["code_sha256"].items()})
    yield _pairs("Versions", manifest["versions"])


def _pictures(folder: Path, texts: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Those of the folder, first the ones of which it is known what they show, in that order."""
    found = {path.stem: path for path in sorted(folder.glob("*.svg"))}
    order = [name for name in texts if name in found]
    for name in [*order, *(name for name in found if name not in texts)]:
        text = texts.get(name, f"Picture {name}.")
        files = [f"{name}.{ending}" for ending in FORMATS if (folder / f"{name}.{ending}").exists()]
        yield {"svg": inline(found[name], text), "text": text, "files": files}


def _table(path: Path, labels: Container[str]) -> Table:
    """The first rows and columns of a Parquet file, without those that say of which run it is."""
    with needs("pyarrow.parquet").ParquetFile(path) as file:
        own = [name for name in file.schema_arrow.names if name not in labels]
        names, left_out = own[:MOST_COLUMNS], len(own[MOST_COLUMNS:])
        batch = next(file.iter_batches(MOST_ROWS, columns=names), None)
        columns = {name: batch.column(name).to_pylist() if batch else [] for name in names}
        return _columns(path.stem, columns, file.metadata.num_rows, path.name, left_out)


def _columns(name: str, columns: Mapping[str, Sequence[Any]], rows: int, file: str, columns_left_out: int = 0) -> Table:
    """A table of which the first rows are given."""
    shown = len(next(iter(columns.values()), ()))
    more = [f"{counted(rows - shown, 'more row')}"] if rows > shown else []
    more += [f"{counted(columns_left_out, 'more column')}"] if columns_left_out else []
    note = counted(rows, "row") + (f"; {' and '.join(more)} in {file}" if more else "")
    heads = [Column(key, any(isinstance(value, int | float) for value in column)) for key, column in columns.items()]
    return Table(name, heads, [list(map(_cell, row)) for row in zip(*columns.values(), strict=True)], note)


def _pairs(name: str, values: Mapping[str, Any]) -> Table:
    first = list(values.items())[:MOST_ROWS]
    heads = [Column("what", is_number=False), Column("value", is_number=False)]
    note = f"{len(values) - MOST_ROWS:,} more in summary.json" if len(values) > MOST_ROWS else ""
    return Table(name, heads, [[Cell(str(key)), _cell(value)] for key, value in first], note)


def _cell(value: Any) -> Cell:  # noqa: ANN401 - of a table
    match value:
        case None:
            return Cell("none")
        case bool():
            return Cell("yes" if value else "no")
        case int() | float():
            return Cell(_number(value), str(value))
        case list():
            return Cell(", ".join(map(str, _some(value))))
        case dict():
            return Cell(", ".join(f"{key}: {one}" for key, one in value.items()))
    return Cell(str(value))


def _some(values: Iterable[Any]) -> list[Any]:
    known = list(values)
    return known if len(known) <= MOST_ROWS else [*known[:MOST_ROWS], f"and {len(known) - MOST_ROWS} more"]


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.6g}" if math.isfinite(value) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
