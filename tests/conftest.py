import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from broker import BrokerError
from broker.local.mosquitto import mosquitto_program

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# A shell starts background jobs, and nohup what it runs, with SIGINT ignored: tests send it, and mean Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

DEADLINE_S = 300.0
"""Only so that a broken test ends, on however slow a machine."""

POLL_S = 0.02


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("mosquitto"):
        try:
            mosquitto_program()
        except BrokerError as error:
            pytest.skip(f"NOT TESTED WITH A REAL BROKER: {error}")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll until the condition holds; a deadline only so that a broken test ends."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited in vain until {what}")
        time.sleep(POLL_S)


class Command:
    """A ``bidswarm`` process under test, and the folder that its runs go to."""

    def __init__(self, arguments: list[str], out: Path) -> None:
        self.out = out
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scenarios.cli.entry", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        )

    def finished(self) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        stdout, stderr = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, stdout, stderr

    def run_dir(self) -> Path:
        """The folder of the run, once it is there."""
        wait_until(lambda: any(self.out.glob("*/manifest.json")), "there is a run folder")
        return next(self.out.glob("*/manifest.json")).parent

    def wait_first_bid(self) -> None:
        """Wait until the market is open and somebody has bid."""
        self.wait_event("bid")

    def wait_event(self, kind: str) -> None:
        """Wait until an event of that kind is in the trace on disk."""
        events = self.run_dir() / "events"
        wait_until(
            lambda: any(f'"{kind}"' in part.read_text() for part in events.glob("*.jsonl")), f"there is a {kind}"
        )

    def children(self, name: str) -> list[int]:
        """The process ids of its children whose command line holds ``name``; Linux only, as the tests that use it."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in pids if name in Path(f"/proc/{pid}/cmdline").read_text()]


def is_running(pid: int) -> bool:
    """Whether there is such a process, and not only its remains."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.fixture
def bidswarm(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        out = tmp_path / "runs"
        more = ["--out", str(out)] if arguments[0] == "run" else []
        started.append(Command([*arguments, *more], out))
        return started[-1]

    yield start
    for command in started:
        if command.process.poll() is None:
            command.process.send_signal(signal.SIGKILL)
        command.process.communicate()
