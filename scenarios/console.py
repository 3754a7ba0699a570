"""What all commands share: exit codes, formats, and what goes to standard output and standard error."""

import codecs
import io
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from scenarios.device.formats import LogFormat
from scenarios.errors import ScenarioError

SETTLED, BROKEN, USAGE, UNSETTLED, NO_BROKER, UNMET, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

WHOLE_ROWS = 10_000
"""Characters: wider than any row."""

NOBODY_READS = 141
"""As of a program that SIGPIPE ends: 128 and its number."""

IN_ASCII = {
    "ε": "epsilon",
    "θ": "theta",
    "κ": "kappa",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "√": "sqrt",
    "·": ".",
    "…": "...",
    "∞": "infinity",
    **dict(zip("▁▂▃▄▅▆▇█", "_.-~=+*#", strict=True)),
}
"""What stands in for characters that an output cannot have; for any other a question mark does."""


def in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Words for what cannot be encoded, as handlers of ``codecs`` return them: with the place to go on at."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(IN_ASCII.get(one, "?") for one in error.object[error.start : error.end]), error.end


codecs.register_error("bidswarm", in_ascii)


def speak_any_encoding() -> None:
    """Have standard output and standard error write words for what their encoding lacks, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="bidswarm")


class _Wrapping(Console):
    """Where a line is longer than the terminal is wide (``soft_wrap``), it is wrapped at words, and no number is cut.

    A pipe or a file gets each line whole, for scripts.
    """

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - as rich prints
        """Print as rich does, but for ``soft_wrap``."""
        if options.get("soft_wrap") and self.is_terminal:
            as_read = {key: options[key] for key in ("markup", "highlight") if key in options}
            texts = [one if isinstance(one, Text) else self.render_str(str(one), **as_read) for one in objects]
            text = Text(options.pop("sep", " ")).join(texts)
            objects = tuple(part for line in text.split("\n", allow_blank=True) for part in wrapped(line, self.width))
            options["sep"] = "\n"
        super().print(*objects, **options)


def wrapped(line: Text, width: int) -> Iterator[Text]:
    """The line in pieces that end where words do.

    A longer word, such as a path, is a piece of its own: a terminal that breaks it still copies it as one.
    """
    ends, used = list[int](), 0
    for word in re.finditer(r"\s*\S+\s*", line.plain):
        if used and used + cell_len(word.group().rstrip()) > width:
            ends.append(word.start())
            used = 0
        used += cell_len(word.group())
    for piece in line.divide(ends):
        piece.rstrip()
        yield piece


class Screen(_Wrapping):
    """Standard output: when nobody reads it any more, as behind ``| head``, the program ends as others do.

    A pipe or a file gets each row of a table whole, too, unless COLUMNS says how wide it is.
    """

    def __init__(self, *, width: int | None = None, **options: Any) -> None:  # noqa: ANN401 - as rich's
        super().__init__(width=width, **options)
        if width is None and not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = WHOLE_ROWS

    def say(self, text: str) -> None:
        """Print a line as it is."""
        self.print(text, markup=False, highlight=False, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """End the program."""
        nobody_reads()


class _Sidelines(_Wrapping):
    """Standard error: what nobody reads is not said, and the program goes on."""

    def on_broken_pipe(self) -> None:
        """Be silent from now on."""
        self.quiet = True


def nobody_reads() -> NoReturn:
    """End the program without a word, and without another try to write what is left over."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(NOBODY_READS)


class Log:
    """What a command says beside its results, on standard error: for people, or as one JSON object per line.

    Attributes
    ----------
    is_quiet
        Only errors and warnings are said (``-q``).
    is_verbose
        What is being done stays on the screen, and the results say more (``-v``).
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or _Sidelines(stderr=True)
        self.is_quiet = self.is_verbose = False
        self.format = LogFormat.text

    @property
    def is_live(self) -> bool:
        """Whether there is a terminal on which something can be shown in place."""
        is_text = self.format is LogFormat.text and not self.is_quiet
        return is_text and self.console.is_terminal and not self.console.is_dumb_terminal

    def error(self, text: str) -> None:
        """Say what went wrong, and what to do about it."""
        self._say("error", text, ("error: ", "bold red"))

    def warning(self, text: str) -> None:
        """Say what whoever gave the command should know in any case."""
        self._say("warning", text)

    def advice(self, text: str) -> None:
        """Say what to do better."""
        if not self.is_quiet:
            self._say("advice", text, ("advice: ", "yellow"))

    def note(self, text: str) -> None:
        """Say how things go."""
        if not self.is_quiet:
            self._say("note", text)

    def _say(self, event: str, text: str, label: tuple[str, str] = ("", "")) -> None:
        if self.format is LogFormat.json:
            line = msgspec.json.encode({"time_s": time.time(), "event": event, "text": text}).decode()
            self.console.out(line, highlight=False)  # in one line on a terminal, too
        else:
            # As Text, for it may hold brackets that Rich would take for markup.
            self.console.print(Text.assemble(label, text), soft_wrap=True)


log = Log()


class Format(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


class World(StrEnum):
    """Where a market runs."""

    mqtt = "mqtt"
    sim = "sim"
    array = "array"
    direct = "direct"


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


def interrupted(interrupt: KeyboardInterrupt, kept: str = "nothing is kept; the same command begins anew") -> NoReturn:
    """End the program after Ctrl-C; an interrupt may say itself what is ``kept``, and how to go on."""
    log.warning(str(interrupt) or f"interrupted: {kept}")
    raise typer.Exit(INTERRUPTED) from interrupt


@contextmanager
def interruptible(kept: str = "nothing is kept; the same command begins anew") -> Iterator[None]:
    """Have Ctrl-C end a command with what there is to say of that and an exit code of its own, and SIGTERM do so too.

    A shell starts background jobs with SIGINT ignored, which ends here.
    """
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupted(interrupt, kept)


def flowing(text: str) -> str:
    """The text with one line per paragraph, which the terminal then breaks to its own width."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def write_json(value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Print the value as one line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
