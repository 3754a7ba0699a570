"""What all commands share: exit codes, the two formats, and where errors go."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from scenarios.errors import ScenarioError

SETTLED, BROKEN, USAGE, UNSETTLED, NO_BROKER, UNMET, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

errors = Console(stderr=True)


class Format(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


class World(StrEnum):
    """Where a market runs."""

    mqtt = "mqtt"
    sim = "sim"
    array = "array"


FormatOption = Annotated[Format, typer.Option("--format", help="json: one JSON object on stdout, nothing else.")]


def picture_options(style: Path | None, *, no_pictures: bool) -> bool | Path:
    """What --pictures and --no-pictures together ask for.

    Raises
    ------
    ScenarioError
        If both were given.
    """
    if style and no_pictures:
        raise ScenarioError(f"--pictures {style} says how to draw, and --no-pictures not to: give one of them")
    return style or not no_pictures


PicturesOption = Annotated[
    Path | None,
    typer.Option(
        "--pictures", metavar="FILE.mplstyle", help="Draw by this matplotlib style file, over the style of the house."
    ),
]


@contextmanager
def interruptible() -> Iterator[None]:
    """Have Ctrl-C end a command with what there is to say of that and an exit code of its own, and SIGTERM do so too.

    A shell starts background jobs with SIGINT ignored, which ends here.
    """
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        errors.print(Text(str(interrupt) or "interrupted before there was a result"), soft_wrap=True)
        raise typer.Exit(INTERRUPTED) from interrupt


def flowing(text: str) -> str:
    """The text with one line per paragraph, which the terminal then breaks to its own width."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def write_json(value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Print the value as one line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
