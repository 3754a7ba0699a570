"""A finished run of any market: it saves, prints and draws itself from the tables and figures that the market names."""

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import msgspec
from rich.console import Console

from scenarios.extras import needs
from scenarios.results import folder as rundir
from scenarios.results.drawing import LOG
from scenarios.results.figures import save
from scenarios.results.lines import fault_lines, hostile_lines
from scenarios.results.outcome import Summary
from scenarios.results.style import styled
from scenarios.results.tables import keep, labels_of, settings_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ASummary = TypeVar("ASummary", bound=Summary)


class Result(ABC, Generic[ASummary]):
    """The figures of a run, and its tables as columns or DataFrames.

    Attributes
    ----------
    summary
        The figures, a msgspec struct.
    counters
        What the hosts of the run counted.
    TABLES
        The names of the tables; each is kept as a Parquet file of that name.
    PICTURES
        The names of the pictures, the one that shows most first; each is kept as PDF, SVG and PNG files of that name.
    """

    TABLES: ClassVar[tuple[str, ...]]
    PICTURES: ClassVar[tuple[str, ...]]
    summary: ASummary
    counters: Mapping[str, int]

    @abstractmethod
    def columns(self, name: str) -> dict[str, Sequence[Any]]:
        """One table by column name."""

    @abstractmethod
    def plot(self, name: str | None = None) -> "Figure":
        """One picture as a matplotlib figure; the first, if no name is given."""

    def print(self, console: Console) -> None:
        """Print the figures for people, a line for each; a market has better to say."""
        for name, figure in msgspec.structs.asdict(self.summary).items():
            if isinstance(figure, float | int | str):
                console.print(
                    f"{name}: {figure:,.6g}" if isinstance(figure, float) else f"{name}: {figure}", soft_wrap=True
                )
        lines = fault_lines(self.summary.faults, self.summary.expectations)
        for line in [*lines, *hostile_lines(self.summary)]:
            console.print(line, highlight=False, soft_wrap=True)
        console.print(self.where, highlight=False, soft_wrap=True)

    def theory(self) -> list[str]:
        """Lines about what is known of such a market, for who asks for more (``-v``)."""
        return []

    def documents(self) -> dict[str, Any]:
        """What else is kept, as JSON files of these names."""
        return {}

    @property
    def run_dir(self) -> Path:
        """The folder of the run."""
        return Path(self.summary.run_dir)

    def frame(self, name: str) -> Any:  # noqa: ANN401 - a pandas DataFrame
        """One table as a pandas DataFrame."""
        return needs("pandas").DataFrame(self.columns(name))

    def save(self, labels: Mapping[str, Any] | None = None) -> None:
        """Write figures and tables into the folder of the run.

        Parameters
        ----------
        labels
            What tables say of their run besides its name, scenario, seed and world; ``settings``, if it is not given.
        """
        for name, document in self.documents().items():
            rundir.write_json(self.run_dir / f"{name}.json", document)
        tables = {name: self.columns(name) for name in self.TABLES}
        labels = labels_of(self.summary, settings_label(()) if labels is None else labels)
        keep(self.run_dir, self.summary, self.counters, tables, labels)

    def draw(self, style: Path | None = None) -> None:
        """Draw the pictures into the folder of the run, in the style of a matplotlib style file if one is given.

        ``drawing.draw_apart`` has another process do it.
        """
        with styled(style):
            for name in self.PICTURES:
                save(self.plot(name), self.run_dir, name)

    @property
    def where(self) -> str:
        """The folder, and the pictures in it to look at, or why some are not there."""
        drawn = [f"{name}.png" for name in self.PICTURES if (self.run_dir / f"{name}.png").exists()]
        look_at, log = [*drawn], self.run_dir / LOG
        if log.exists():
            look_at.append(f"{LOG}: {log.read_text(encoding='utf-8').partition(chr(10))[0]}")
        return f"results: {self.run_dir}" + (f" (look at {' and '.join(look_at)})" if look_at else "")

    def _repr_html_(self) -> str:
        """What a notebook shows: as ``print`` says it, in colour."""
        console = Console(record=True, file=io.StringIO(), width=120)
        self.print(console)
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")
