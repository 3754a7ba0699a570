"""``bidswarm watch --terminal``: a market in a real pseudo-terminal, and as text in a pipe."""

import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from scenarios.console import WHOLE_ROWS
from scenarios.live.feed import Feed
from scenarios.live.terminal import Picture, sampled, shown, with_unit
from scenarios.markets.panels import View
from tests.conftest import DEADLINE_S, Command, wait_until
from tests.scenarios.live.following import simulated

Said = Callable[..., tuple[int, str, str]]

SMALL = ("--no-pictures", "--set", "buyers.0.count=12", "--set", "sellers.0.count=4")


class Terminal:
    """A ``bidswarm`` process on a terminal of its own."""

    def __init__(self, *arguments: str, width: int = 100, height: int = 30) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        without = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scenarios.cli.entry", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**without, "TERM": "xterm-256color"},
        )
        os.close(theirs)
        self._said = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 65_536):
                self._said += data
        except OSError:  # so Linux says that the other side is closed
            pass
        os.close(self._ours)

    @property
    def text(self) -> str:
        """All that it has shown, without colours and the like."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._said.decode(errors="replace")).replace("\r\n", "\n")

    def wait(self, text: str) -> None:
        """Wait until it shows that."""
        wait_until(lambda: text in self.text or self.process.poll() is not None, f"the terminal shows {text}")
        assert text in self.text

    def ended(self) -> int:
        """Its exit code."""
        code = self.process.wait(DEADLINE_S)
        self._reader.join()
        return code


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Starts one."""
    started: list[Terminal] = []

    def start(*arguments: str, **size: int) -> Terminal:
        started.append(Terminal(*arguments, **size))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.ended()


def feed_of(view: View) -> Feed:
    feed = Feed(lambda: view, "folder")
    feed.show_whole(view)
    return feed


def printed(feed: Feed, width: int, height: int | None) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(Picture(feed, height))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("name", "options"), [("neighbourhood", {}), ("mixed-agents", {"timeout_s": 8.0})], ids=["psp", "dmp"]
)
def test_all_but_the_graph_is_there_at_every_width(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    _, view = simulated(name, tmp_path, **options)
    feed, figures = feed_of(view), view.figures()
    wanted = [f"{one.label} {with_unit(figures[one.key], one.kind, one.unit)}" for one in view.layout.figures]
    for width in (40, 80, 120, 200):
        lines = printed(feed, width, 30)
        assert max(map(cell_len, lines)) <= width
        assert all(text in "\n".join(lines) for text in wanted)
    whole = "\n".join(printed(feed, WHOLE_ROWS, None))
    assert all(f"\n{node} " in whole for node in view.rows("nodes")["name"])
    assert "more" not in whole
    assert view.chronicle.latest(view.chronicle.shown)[0].text in whole


@pytest.mark.parametrize("height", [30, 40, 60])
def test_the_nodes_have_the_lines_that_are_left(height: int, tmp_path: Path) -> None:
    _, view = simulated("neighbourhood", tmp_path)
    lines = printed(feed_of(view), 100, height)
    assert height - 2 <= len(lines) <= height


def test_a_pipe_gets_the_figures_of_the_summary(said: Said, tmp_path: Path) -> None:
    result, view = simulated("two-sellers", tmp_path)
    code, stdout, stderr = said("watch", str(result.run_dir), "--terminal", "--speed", "0")
    assert (code, stderr) == (0, "")
    assert stdout.startswith(f"{view.layout.title}: ended, ")
    assert stdout.endswith("\n")
    assert f"of the optimum {100.0 * result.summary.efficiency:.2f}%" in stdout
    assert f"revenue {result.summary.revenue:.4g} money" in stdout
    rows = {line.split()[0]: line.split() for line in stdout.splitlines() if line.strip()}
    for row in result.columns("buyers")["buyer"]:
        assert rows[row][1:3] == ["buyer", "bought"]
    assert stdout.count(f"{view.layout.title}: ") == 1


def test_a_folder_is_played_back_on_a_terminal_and_ctrl_c_ends_it(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    result, _ = simulated("neighbourhood", tmp_path)
    played = terminal("watch", str(result.run_dir), "--terminal", "--speed", "0.05")
    played.wait("neighbourhood: running, ")  # at whatever time: so slow it takes two minutes
    played.process.send_signal(signal.SIGINT)
    assert played.ended() == 0
    assert "neighbourhood: ended, " not in played.text
    assert "Traceback" not in played.text


@pytest.mark.mosquitto
def test_a_market_on_a_broker_is_shown_to_its_end(
    terminal: Callable[..., Terminal], bidswarm: Callable[..., Command], mosquitto: str
) -> None:
    where = ("--broker", mosquitto, "--market", "lab")
    watching = terminal("watch", *where, "--terminal", "--scenario", "neighbourhood", *SMALL[1:], width=160, height=50)
    watching.wait("no host of market lab is there")
    run = bidswarm("run", "neighbourhood", *where, *SMALL)
    code, _, stderr = run.finished()
    assert code == 0, stderr
    assert watching.ended() == 0
    last = watching.text.rpartition("neighbourhood: ended, ")[2]
    summary = json.loads((run.run_dir() / "summary.json").read_text())
    assert f"bids {summary['bids']:,} " in last
    assert f"of the optimum {100.0 * summary['efficiency']:.2f}%" in last
    assert "auctions closed 4 of 4" in last


@pytest.mark.parametrize("more", [("--join",), ("--port", "8000"), ("--address", "0.0.0.0")])
def test_a_terminal_is_no_page(more: Sequence[str], said: Said) -> None:
    where = ("--broker", "mqtt://127.0.0.1:1", "--market", "lab", "--terminal")
    code, _, stderr = said("watch", *where, *more)
    assert code == 2
    assert "--terminal shows no page: leave --join, --port and --address out" in stderr


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "number", "-"),
        (float("nan"), "share", "-"),
        ("2 of 5", "text", "2 of 5"),
        (12_345.6, "number", "12,346"),
        (3.14159, "number", "3.142"),
        (0.00001234, "number", "1.2e-05"),
        (0.0, "number", "0"),
        (1_234.0, "count", "1,234"),
        (0.98765, "share", "98.77%"),
        (0.000123, "share", "0.012%"),
        (0.0, "share", "0.00%"),
    ],
)
def test_figures_read_as_on_the_page(value: Any, kind: Any, text: str) -> None:
    assert shown(value, kind) == text


def test_a_course_is_sampled_evenly_in_time() -> None:
    time_s, values = np.array([0.0, 1.0, 9.0, 10.0]), np.array([5.0, 1.0, 2.0, 3.0])
    assert sampled(time_s, values, 6) == [5.0, 1.0, 1.0, 1.0, 1.0, 3.0]
    assert sampled(time_s[:0], values[:0], 6) == []
