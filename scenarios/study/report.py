"""The study of the price weight from options to folder."""

from collections.abc import Sequence
from pathlib import Path

from scenarios.cli.progress import Progress
from scenarios.console import Log
from scenarios.extras import needs
from scenarios.study import pictures
from scenarios.study.folder import Folder, folder_for
from scenarios.study.interrupts import Stop
from scenarios.study.price_weight import PriceWeightStudy, price_weight_study
from scenarios.study.summary import Summary, summarise

NAME = "dmp-price-weight"


def report_price_weight(
    bidders: int, runs: int, seed: int, out: Path, log: Log
) -> tuple[Summary, Path, Sequence[Path] | str]:
    """Run the study with progress told to ``log``, and keep it; the summary, the folder and the pictures.

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
    with Stop() as stop, folder_for(out, NAME, f"seed{seed}", options) as folder, Progress(log) as progress:

        def watch(found: int) -> bool:
            progress.wait(f"{found:,} of {runs:,} intersections ({found / runs:.0%})")
            return not stop.is_wanted

        study = price_weight_study(bidders, runs, seed, watch=watch)
        summary = summarise(study)
        folder.write("summary.json", summary)
        _keep_intersections(study, folder)
        progress.step("drawing the pictures ...")
        drawn = folder.draw(lambda path: pictures.draw(study, path))
        folder.finish(summary.status)
    return summary, folder.path, drawn


def _keep_intersections(study: PriceWeightStudy, folder: Folder) -> None:
    arrow, parquet = needs("pyarrow"), needs("pyarrow.parquet")
    columns = {"fixed": study.fixed.weights, "private_equilibrium": study.private.weights}
    parquet.write_table(arrow.table(columns), folder.path / "intersections.parquet")
