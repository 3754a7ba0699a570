"""All about one run, from its folder: computed, drawn, and shown on a page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.extras import needs, needs_extra
from scenarios.report.finish import Say, UnfinishedError, how_to_finish, rebuild
from scenarios.report.page import write_page
from scenarios.results.drawing import draw_apart
from scenarios.results.result import Result
from scenarios.results.style import read_style, style_of


@dataclass(frozen=True, slots=True)
class Report:
    """What was made of a run.

    Attributes
    ----------
    result
        None where its folder has too little to compute one from.
    summary
        The figures, as its folder has them.
    """

    result: Result[Any] | None
    summary: dict[str, Any]
    page: Path


def _unsaid(text: str) -> None:
    del text


def report_on(folder: Path | str, *, pictures: bool | Path | str = True, say: Say = _unsaid) -> Report:
    """Compute the results of the run in this folder again, and write them there, with a page that shows them.

    Parameters
    ----------
    pictures
        Whether they are drawn anew; the path of a matplotlib style file: how.
    say
        Told which step begins.

    Raises
    ------
    ScenarioError
        If the folder lacks what is needed, or an extra is not installed.
    UnfinishedError
        On Ctrl-C, once there are figures; the text says how to go on.
    """
    needs("jinja2")
    needs_extra("launcher")
    folder = Path(folder)
    style = style_of(Path(pictures) if isinstance(pictures, str) else pictures)
    if style:
        read_style(style)
    remains, result = rebuild(folder, say)
    if pictures and result:
        say("drawing ...")
        try:
            draw_apart(result, style)
        except KeyboardInterrupt:
            raise UnfinishedError(
                f"interrupted while pictures were drawn: figures and tables are complete; {how_to_finish(folder)}"
            ) from None
    say("writing the page ...")
    summary, page = write_page(folder, remains)
    return Report(result, summary, page)
