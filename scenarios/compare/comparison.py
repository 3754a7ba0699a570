"""Two or more sides compared; the way in from Python."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from scenarios.compare import pictures
from scenarios.compare.differences import Difference, differences, paired
from scenarios.compare.sides import Row, Side, sides_of
from scenarios.compare.tables import Beside, Spread, beside, spreads
from scenarios.errors import ScenarioError
from scenarios.extras import needs, needs_extra
from scenarios.markets.kind import Meaning, meanings_of
from scenarios.markets.registry import kinds
from scenarios.results import folder as rundir
from scenarios.results.figures import save
from scenarios.results.style import styled
from scenarios.sweep.stopping import LEVEL
from scenarios.sweep.sweep import Watch, sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Comparison:
    """What differs between a baseline, which is the first side, and every other.

    Attributes
    ----------
    sides
        The baseline first.
    pairs
        By name of each other side: its runs, each with the run of the baseline that it is compared with.
    differences
        One for each other side and each figure.
    numbers
        The tables of runs side by side, where they were kept.
    """

    sides: Sequence[Side]
    pairs: Mapping[str, Sequence[tuple[Row, Row]]]
    differences: Sequence[Difference]
    numbers: Sequence[Beside]
    confidence: float
    figures: Sequence[str]
    sources: Sequence[str] = field(default=())

    @property
    def baseline(self) -> Side:
        """What the others are compared with."""
        return self.sides[0]

    @property
    def unpaired(self) -> dict[str, int]:
        """By side, how many of its runs have no partner, where there are such; those of the baseline on each side."""
        left = {side: len(self.baseline.rows) - len(pairs) for side, pairs in self.pairs.items()}
        found = {f"{self.baseline.name} beside {side}": count for side, count in left.items()}
        found |= {side.name: len(side.rows) - len(self.pairs[side.name]) for side in self.sides[1:]}
        return {name: count for name, count in found.items() if count}

    @property
    def unsettled(self) -> dict[str, int]:
        """By side, how many of its runs did not settle, where there are such."""
        found = {side.name: sum(row.status != "settled" for row in side.rows) for side in self.sides}
        return {name: count for name, count in found.items() if count}

    @property
    def meanings(self) -> Mapping[str, Meaning]:
        """What is known of the figures of this kind of market."""
        kind = kinds().get(self.baseline.market or "")
        return meanings_of(kind) if kind else {}

    @property
    def headline(self) -> list[str]:
        """The figures that are drawn: those asked for, or of those that tell most the ones that differ in any pair."""
        known = dict.fromkeys(one.figure for one in self.differences if not one.is_equal)
        return [*self.figures] or [name for name in self.meanings if name in known] or [*known]

    @property
    def spreads(self) -> list[Spread]:
        """What the differences of each column of the tables come to."""
        return list(spreads(self.numbers))

    def frame(self, name: str = "differences") -> Any:  # noqa: ANN401 - a pandas DataFrame
        """``differences``, ``tables`` or ``spreads`` as a pandas DataFrame."""
        return needs("pandas").DataFrame(self._records(name))

    def _records(self, name: str) -> list[dict[str, Any]]:
        if name == "tables":
            return [{**msgspec.structs.asdict(one), "difference": one.difference} for one in self.numbers]
        of: Mapping[str, Sequence[msgspec.Struct]] = {"differences": self.differences, "spreads": self.spreads}
        if name not in of:
            raise ScenarioError(f"{name!r}: allowed are: differences, spreads, tables")
        return [msgspec.structs.asdict(one) for one in of[name]]

    def plot(self, figure: str | None = None) -> "Figure":
        """One figure of all sides as a matplotlib figure; the first that is drawn, if no name is given."""
        known = list(dict.fromkeys(one.figure for one in self.differences))
        name = figure or next(iter([*self.headline, *known]))
        rows = [one for one in self.differences if one.figure == name]
        if not rows:
            raise ScenarioError(f"{name!r}: no figure that both sides have; allowed are: {', '.join(known)}")
        with styled():
            return pictures.draw(self, name, rows)

    def save(self, out: Path | str = "runs", *, style: Path | None = None, drawn: bool = True) -> Path:
        """Write tables and pictures into a new folder below ``out``; the result is that folder."""
        folder = rundir.create_plain(Path(out), "comparison")
        arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
        for name in ("differences", "spreads", "tables"):
            if records := self._records(name):
                parquet.write_table(arrow.Table.from_pylist(records), folder / f"{name}.parquet")
        document = {
            "sources": self.sources,
            "sides": [side.name for side in self.sides],
            "confidence": self.confidence,
            "pairs": {side: len(pairs) for side, pairs in self.pairs.items()},
            "unpaired": self.unpaired,
            "unsettled": self.unsettled,
        }
        rundir.write_json(folder / "comparison.json", {**rundir.environment(), "status": "complete", **document})
        if drawn:
            with styled(style):
                for name in self.headline:
                    save(self.plot(name), folder, name)
        return folder


def compare(
    *sources: Path | str,
    by: str | None = None,
    figures: Iterable[str] = (),
    seeds: Iterable[int] | str = "0:10",
    confidence: float = LEVEL,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Comparison:
    """Compare runs of the same seeds and settings: what differs between the first source and each of the others.

    Parameters
    ----------
    sources
        Run folders, folders of these, sweeps, tables of sweeps, or scenarios; each may be given as ``NAME=SOURCE``.
    by
        The key of one sweep whose values are compared, instead of several sources; ``world`` is one, too.
    figures
        The names of those that matter; all if not given.
    seeds, workers
        With which scenarios among the sources are run, in world ``sim``, and in how many processes.
    confidence
        Of the intervals.

    Raises
    ------
    ScenarioError
        If they cannot be compared; the text says what to do about it.
    """
    if not LEAST_CONFIDENCE <= confidence < 1.0:
        raise ScenarioError(f"--confidence {confidence}: give one from 0.5 to below 1, for example 0.95")
    needs_extra("launcher")
    wanted = list(dict.fromkeys(figures))
    swept = partial(_swept, seeds=seeds, workers=workers, watch=watch)
    sides = sides_of([str(source) for source in sources], by, swept)
    baseline = sides[0]
    pairs = {side.name: paired(baseline, side) for side in sides[1:]}
    found = [one for side in sides[1:] for one in differences(baseline, side, pairs[side.name], confidence, wanted)]
    numbers = [one for side in sides[1:] for one in beside(side.name, pairs[side.name])]
    return Comparison(sides, pairs, found, numbers, confidence, wanted, [str(source) for source in sources])


def _swept(scenario: str, seeds: Iterable[int] | str, workers: int | None, watch: Watch | None) -> Path:
    swept = sweep(scenario, seeds=seeds, workers=workers, watch=watch)
    if swept.missing:
        raise KeyboardInterrupt
    return swept.folder
