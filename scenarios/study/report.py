"""The study of the price weight from options to folder."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from scenarios.cli.progress import PLAIN_LINE_EVERY_S, REFRESHES_PER_S
from scenarios.extras import needs
from scenarios.study import pictures
from scenarios.study.folder import Folder, folder_for
from scenarios.study.interrupts import Stop
from scenarios.study.price_weight import PriceWeightStudy, price_weight_study
from scenarios.study.summary import Summary, summarise

NAME = "dmp-price-weight"


def report_price_weight(
    bidders: int, runs: int, seed: int, out: Path, console: Console
) -> tuple[Summary, Path, Sequence[Path] | str]:
    """Run the study with progress on ``console`` and keep it; the summary, the folder and the pictures.

    Raises
    ------
    ScenarioError
        If an option is out of its range, or the folder cannot be made.
    RunError
        If a result cannot be written.
    KeyboardInterrupt
        If it was interrupted before the first result; then there is no folder.
    """
    needs("pyarrow.parquet")  # said before the work, not after it
    options = {"bidders": bidders, "runs": runs, "seed": seed}
    with Stop() as stop, folder_for(out, NAME, f"seed{seed}", options) as folder, Watch(runs, console, stop) as watch:
        study = price_weight_study(bidders, runs, seed, watch=watch)
        summary = summarise(study)
        folder.write("summary.json", summary)
        _keep_intersections(study, folder)
        watch.say("drawing the pictures ...")
        drawn = folder.draw(lambda path: pictures.draw(study, path))
        folder.finish(summary.status)
    return summary, folder.path, drawn


def _keep_intersections(study: PriceWeightStudy, folder: Folder) -> None:
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    columns = {"fixed": study.fixed.weights, "private_equilibrium": study.private.weights}
    parquet.write_table(arrow.table(columns), folder.path / "intersections.parquet")


class Watch:
    """Shows how far a study is, if it takes long, and says whether it may go on."""

    def __init__(self, runs: int, console: Console, stop: Stop) -> None:
        self._runs = runs
        self._console = console
        self._stop = stop
        self._status = console.status("drawing costs and reputations ...") if console.is_terminal else None
        self._every_s = 1.0 / REFRESHES_PER_S if self._status else PLAIN_LINE_EVERY_S
        self._shown_at = time.monotonic()

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, found: int) -> bool:
        """Told how many runs there are; whether more are wanted."""
        if time.monotonic() - self._shown_at >= self._every_s:
            self._shown_at = time.monotonic()
            self._show(f"{found:,} of {self._runs:,} intersections ({found / self._runs:.0%})")
        return not self._stop.is_wanted

    def say(self, text: str) -> None:
        """Show what is being done, where that leaves no line behind."""
        if self._status:
            self._show(text)

    def _show(self, text: str) -> None:
        if self._status:
            self._status.update(text)
        else:
            self._console.print(text, highlight=False, soft_wrap=True)
