"""What comes out of any command: in any encoding, into any pipe, quiet, verbose or as JSON, whenever Ctrl-C comes."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

import scenarios.cli.entry
from scenarios.cli.main import app
from scenarios.cli.progress import Progress
from scenarios.console import IN_ASCII, WHOLE_ROWS, Log, Screen, in_ascii, log, wrapped
from scenarios.device.formats import LogFormat

SMALL = ("run", "neighbourhood", "--world", "sim", "--set", "buyers.0.count=3", "--set", "sellers.0.count=3")
COMMAND = [sys.executable, "-m", "scenarios.cli.entry"]
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """Other tests get the log as it is at first."""
    yield
    log.is_quiet = log.is_verbose = False
    log.format = LogFormat.text


# Encodings


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
@pytest.mark.parametrize("arguments", [SMALL, ("list",), ("run", "nonsense-ε"), ("--help",), ("run", "--help")])
def test_no_encoding_ends_in_an_error(encoding: str, arguments: tuple[str, ...], tmp_path: Path) -> None:
    out = ("--out", str(tmp_path)) if arguments == SMALL else ()
    done = subprocess.run(
        [*COMMAND, *arguments, *out], capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    said = (done.stdout + done.stderr).decode(encoding)
    assert "Error" not in said
    assert done.returncode == (2 if "nonsense-ε" in arguments else 0)
    if arguments == SMALL:
        assert ("ε" if encoding == "utf-8" else "epsilon") in said


@given(st.text())
def test_any_text_is_written_in_ascii_with_words_for_symbols(text: str) -> None:
    written = text.encode("ascii", errors="bidswarm").decode("ascii")
    assert written == "".join(one if one.isascii() else IN_ASCII.get(one, "?") for one in text)


def test_words_stand_for_every_symbol_of_the_output() -> None:
    assert all(word.isascii() and not symbol.isascii() for symbol, word in IN_ASCII.items())
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", errors="bidswarm")
    assert in_ascii(UnicodeEncodeError("ascii", "xεy", 1, 2, "")) == ("epsilon", 2)


def test_a_scenario_is_shown_as_the_utf_8_file_that_it_is(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('title = "ε and 文"\n', encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "show", str(file)], capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert done.stdout == file.read_bytes()


# Pipes


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="other systems have other pipes")
@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--format", "json"),
        ("show", "two-sellers"),
        ("schema",),
        ("check", "two-sellers"),
        SMALL,
        (*SMALL, "--format", "json"),
        ("--help",),
        ("baselines", "--help"),
    ],
    ids=" ".join,
)
def test_a_pipe_that_nobody_reads_ends_a_command_as_any_other(arguments: tuple[str, ...], tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    out = ("--out", str(tmp_path / "runs"), "--no-pictures") if arguments[0] == "run" else ()
    done = subprocess.run([*COMMAND, *arguments, *out], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr
    if out:
        assert next((tmp_path / "runs").glob("*/summary.json"))


# Terminals of any width


@given(st.lists(st.text("ab1,.ε文 [/]", max_size=12)).map(" ".join), st.integers(1, 60), st.text(" ", max_size=3))
def test_no_word_is_cut_by_a_terminal_unless_it_is_longer_than_a_line(text: str, width: int, indent: str) -> None:
    pieces = [str(piece) for piece in wrapped(Text(indent + text), width)]
    assert " ".join(pieces).split() == text.split()
    assert all(cell_len(piece) <= width or len(piece.split()) == 1 for piece in pieces)


def test_a_pipe_gets_whole_rows_unless_somebody_says_how_wide_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert Screen(file=io.StringIO()).width == WHOLE_ROWS
    assert Screen(file=io.StringIO(), force_terminal=True).width < WHOLE_ROWS
    monkeypatch.setenv("COLUMNS", "60")
    assert Screen(file=io.StringIO()).width == 60


@pytest.mark.parametrize("is_terminal", [True, False])
def test_lines_are_wrapped_on_a_terminal_and_whole_elsewhere(is_terminal: bool) -> None:
    screen = Screen(file=io.StringIO(), width=20, force_terminal=is_terminal, color_system=None)
    screen.print("[green]settled[/] after 7.06 s: 10,398 messages", highlight=False, soft_wrap=True)
    screen.print("results: runs/20261122-133130-x", "pictures: none", sep="\n", highlight=False, soft_wrap=True)
    screen.say("unknown [red] key")
    assert isinstance(screen.file, io.StringIO)
    lines = ["settled after 7.06 s: 10,398 messages", "results: runs/20261122-133130-x", "pictures: none"]
    wanted = ["settled after 7.06", "s: 10,398 messages", "results:", "runs/20261122-133130-x", "pictures: none"]
    assert screen.file.getvalue().splitlines() == [*(wanted if is_terminal else lines), "unknown [red] key"]


def test_exit_codes_are_one_paragraph_of_every_help() -> None:
    for words, command in [("bidswarm", typer.main.get_command(app)), *commands().items()]:
        paragraphs = [one for one in (command.help or "").split("\n\n") if "Exit codes" in one]
        assert all("\n" not in one.strip() for one in paragraphs), words
        assert words not in {"bidswarm", "run"} or paragraphs[0].endswith("141 nobody reads on.")


# -q, -v, --log-format


def commands() -> dict[str, Any]:
    """Every command of the command line by its words."""
    found: dict[str, Any] = {}

    def walk(group: Any, words: str) -> None:
        for name in group.commands:
            command = group.get_command(None, name)
            if hasattr(command, "commands"):
                walk(command, f"{words}{name} ")
            else:
                found[words + name] = command

    walk(typer.main.get_command(app), "")
    return found


def test_every_command_has_the_shared_options_once() -> None:
    found = commands()
    assert {"run", "sweep", "broker init", "study dmp-equilibrium"} <= set(found)
    for words, command in found.items():
        options = [name for option in command.params for name in option.opts]
        assert {"-q", "--quiet", "-v", "--verbose", "--log-format"} <= set(options), words
        assert len(options) == len(set(options)), words


def test_quiet_says_results_and_errors_alone(said: Said) -> None:
    assert said(*SMALL, "-q")[2] == ""
    assert said("check", "two-sellers", "--set", "auction.mechanism=pay-as-bid", "-q")[2] == ""
    assert said("check", "two-sellers", "--set", "auction.mechanism=pay-as-bid")[2].startswith("advice: ")
    assert said("run", "two-sellers", "-q", "--set", "nonsense=1")[2].startswith("error: ")


@pytest.mark.parametrize("both", [("-q", "-v"), ("-vq",), ("--verbose", "--quiet")])
def test_quiet_and_verbose_at_once_are_refused(both: tuple[str, ...], said: Said) -> None:
    code, _, stderr = said("check", "two-sellers", *both)
    assert (code, "give one of them" in stderr) == (2, True)
    assert said("check", "two-sellers", "-q")[0] == 0


def test_verbose_says_what_the_papers_say_of_the_market(said: Said) -> None:
    command = ("run", "two-sellers", "--world", "sim")
    assert "Prop. 3" not in said(*command)[1]
    assert "no bound of the loss by Prop. 3 of Lazar & Semret, since reserve" in said(*command, "--verbose")[1]


def test_verbose_says_every_step_and_otherwise_none_is_said_of_a_short_run(said: Said) -> None:
    steps = [
        "6 users; working out what can be reached ...",
        "settled after ",
        "3,000 records read; working out the figures ...",
        "writing the tables ...",
        "drawing the pictures ...",
    ]
    lines = said(*SMALL, "-v")[2].splitlines()
    assert len(lines) == len(steps)
    assert all(re.sub(r"^[0-9,]+ r", "3,000 r", line).startswith(step) for line, step in zip(lines, steps, strict=True))
    assert said(*SMALL)[2] == ""


def test_json_has_an_object_for_each_line_on_standard_error(said: Said) -> None:
    code, _, stderr = said("check", "two-sellers", "--log-format", "json", "--set", "a=1", "--set", "timeout_s=nan")
    lines = [json.loads(line) for line in stderr.splitlines()]
    assert code == 2
    assert [line["event"] for line in lines] == ["error", "error"]
    assert all(line.keys() == {"time_s", "event", "text"} for line in lines)
    assert "unknown key a" in "".join(line["text"] for line in lines)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (("run", "two-sellers", "--log-format", "json", "--seeed", "3"), "No such option: --seeed"),
        (("run", "two-sellers", "--seed", "x", "--log-format=json"), "Invalid value for '--seed': 'x'"),
        (("node", "--log-format", "json", "--roles", "buyer"), "No such option: --roles"),
        (("broker", "inti", "--log-format", "json"), "No such command 'inti'. Did you mean 'init'?"),
    ],
)
def test_json_is_also_what_a_mistyped_command_gets(said: Said, wrong: tuple[str, ...], text: str) -> None:
    code, _, stderr = said(*wrong)
    assert code == 2
    (line,) = map(json.loads, stderr.splitlines())
    assert line["event"] == "error"
    assert line["text"].startswith(text)
    assert "Usage: " in said(*(word for word in wrong if "json" not in word and "--log" not in word))[2]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_json_is_whole_however_long_and_whatever_it_holds(is_terminal: bool) -> None:
    told = Log(Console(file=io.StringIO(), width=40, force_terminal=is_terminal))
    told.format = LogFormat.json
    text = "[red] a" + "ε" * 500 + '"\\'
    told.note(text)
    assert isinstance(told.console.file, io.StringIO)
    assert json.loads(told.console.file.getvalue())["text"] == text


class Metrics:
    """Of no market."""

    in_doubt = 0

    def add(self, record: object) -> None:
        """Take in nothing."""

    def headline(self, elapsed_s: float, messages: int) -> str:
        return f"{elapsed_s} s, {messages} messages"

    def table(self) -> None:
        """No table."""


@pytest.mark.parametrize(("is_live", "options"), [(True, {}), (False, {"is_quiet": True}), (False, {"format": "json"})])
def test_progress_moves_only_on_a_terminal_that_is_to_show_it(is_live: bool, options: dict[str, Any]) -> None:
    told = Log(Console(file=io.StringIO(), force_terminal=True, width=80, _environ={"TERM": "xterm"}))
    for name, value in options.items():
        setattr(told, name, LogFormat(value) if name == "format" else value)
    assert told.is_live == is_live
    with Progress(told) as progress:
        progress.say("drawing ...")
        progress.watch(Metrics(), 1.0, 7)
    assert isinstance(told.console.file, io.StringIO)
    shown = told.console.file.getvalue()
    assert ("1.0 s, 7 messages" in shown) == is_live
    assert ("\x1b" in shown) == is_live


def test_a_dumb_terminal_gets_lines() -> None:
    told = Log(Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"}))
    with Progress(told) as progress:
        progress.say("drawing ...")
    assert isinstance(told.console.file, io.StringIO)
    assert told.console.file.getvalue() == "drawing ...\n"


def test_no_color_means_no_color(tmp_path: Path) -> None:
    bare = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR", "TERM"}}
    command = [*COMMAND, *SMALL, "--no-pictures", "--out", str(tmp_path)]
    for more, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
        env = {**bare, "FORCE_COLOR": "1", "TERM": "xterm-256color", **more}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
        assert ("\x1b[32m" in done.stdout) == colour


# Ctrl-C

PHASES = {
    "scenarios.markets.load.read": "nothing is kept; the same command begins anew",
    "scenarios.launch.run.draw_market": "nothing is kept; the same command begins anew",
    "scenarios.markets.psp.live.optimum_of": "nothing is kept; the same command begins anew",
    "scenarios.launch.run.rundir.create": "nothing is kept; the same command begins anew",
    "scenarios.launch.run.run_simulated": "what there was is kept: finish with: bidswarm report ",
    "scenarios.launch.simulated.Simulation.run": "results so far are kept in ",
    "scenarios.report.finish.events.read": "finish with: bidswarm report ",
    "scenarios.markets.psp.results.figures": "finish with: bidswarm report ",
    "scenarios.results.tables.keep": "finish with: bidswarm report ",
    "scenarios.report.finish.events.archive": "finish with: bidswarm report ",
}


def interrupt(*arguments: object, **options: object) -> None:
    """Ctrl-C comes now."""
    del arguments, options
    raise KeyboardInterrupt


@pytest.mark.parametrize(("phase", "kept"), PHASES.items())
def test_ctrl_c_at_any_moment_of_a_run_says_what_is_kept_and_how_to_go_on(
    phase: str, kept: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phase.replace("results.tables.keep", "results.result.keep"), interrupt)
    code, _, stderr = said(*SMALL, "--no-pictures")
    assert code == 130
    assert kept in stderr
    assert "Traceback" not in stderr


def test_ctrl_c_while_the_pictures_of_an_interrupted_run_are_drawn_says_how_to_draw_them(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib")  # which is there again
    monkeypatch.setattr("scenarios.launch.simulated.Simulation.run", interrupt)
    drawing = MagicMock(**{"Popen.return_value.__enter__.return_value.communicate.side_effect": KeyboardInterrupt})
    monkeypatch.setattr("scenarios.results.drawing.subprocess", drawing)
    code, _, stderr = said(*SMALL)
    assert code == 130
    assert re.search(r"^interrupted: results so far are kept in .*; finish with: bidswarm report ", stderr)


@pytest.mark.parametrize(
    ("arguments", "moment", "kept"),
    [
        (
            ("host", "two-sellers", "--part", "1/2", "--market", "m", "--broker", "mqtt://127.0.0.1:1"),
            "scenarios.launch.part.carry",
            "the journal is kept",
        ),
        (("report", "runs/x"), "scenarios.report.report.report_on", "the run is kept"),
        (
            ("sweep", "two-sellers"),
            "scenarios.sweep.plan.planned",
            "runs that are over are kept; the same command goes on",
        ),
        (
            ("compare", "a", "b", "--no-pictures"),
            "scenarios.compare.comparison.sides_of",
            "runs of a sweep that are over are kept",
        ),
        (
            ("baselines", "two-sellers"),
            "scenarios.baselines.baselines.planned",
            "runs that are over are kept; the same command goes on",
        ),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else None,
)
def test_ctrl_c_says_what_is_kept_of_what_goes_on_or_begins_anew(
    arguments: tuple[str, ...], moment: str, kept: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moment, interrupt)
    code, _, stderr = said(*arguments)
    assert (code, stderr.startswith(f"interrupted: {kept}"), stderr.count("\n")) == (130, True, 1)


@pytest.mark.parametrize(
    ("arguments", "moment"),
    [
        (("list",), "scenarios.markets.load.shipped"),
        (("show", "two-sellers"), "scenarios.markets.load.source"),
        (("check", "two-sellers"), "scenarios.markets.registry.draw_market"),
        (("schema",), "scenarios.markets.registry.json_schema"),
        (("ledger", "."), "scenarios.cli.ledger.journals_of"),
        (("study", "dmp-price-weight"), "scenarios.study.report.folder_for"),
        (("doctor", "--broker", "mqtt://127.0.0.1:1"), "scenarios.cli.doctor.broker_address"),
    ],
    ids=lambda one: one[0] if isinstance(one, tuple) else None,
)
def test_ctrl_c_ends_every_command_with_a_line(
    arguments: tuple[str, ...], moment: str, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moment, interrupt)
    code, stdout, stderr = said(*arguments)
    assert (code, stdout, stderr.count("\n")) == (130, "", 1)
    assert stderr.startswith("interrupted: ")


def test_ctrl_c_while_the_program_is_loaded_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Loading:
        @property
        def main(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "scenarios.cli.main", Loading())  # type: ignore[arg-type]
    with pytest.raises(SystemExit) as ended:
        scenarios.cli.entry.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "interrupted: nothing was begun\n"
