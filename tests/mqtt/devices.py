"""Real ``bidswarm node`` processes, each in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import DEADLINE_S, wait_until

SELLER = ("--role", "seller", "--supply-mb", "60", "--reserve-price", "0.1", "--linger", "0.5")
BUYER = ("--role", "buyer", "--seller", "shop", "--demand-mb", "50")


class Node:
    """One process at a time; what it says goes on in one log over all its lives."""

    def __init__(self, folder: Path, *arguments: str, inside: tuple[str, ...] = ()) -> None:
        """Run it in ``folder``, by means of the command ``inside``, if given."""
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._command = [*inside, sys.executable, "-m", "scenarios.cli.main", "node", "--market", "lab", *arguments]
        self._log = folder / "log"
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log, (self.folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(
                [*self._command, "--log-format", "json"],
                cwd=self.folder,
                stdout=log,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )

    def events(self, kind: str) -> list[dict[str, Any]]:
        whole = self._log.read_text().rpartition("\n")[0]
        return [event for line in whole.splitlines() if (event := json.loads(line))["event"] == kind]

    def wait(self, kind: str, times: int = 1) -> None:
        def is_there() -> bool:
            assert self.process.poll() is None or len(self.events(kind)) >= times, self.errors
            return len(self.events(kind)) >= times

        wait_until(is_there, f"{self.folder.name} says {kind}")

    def ended(self) -> int:
        return self.process.wait(DEADLINE_S)

    def tell(self, wanted: signal.Signals) -> None:
        self.process.send_signal(wanted)

    def kill(self) -> None:
        self.tell(signal.SIGKILL)
        self.ended()

    @property
    def errors(self) -> str:
        return (self.folder / "errors").read_text()

    @property
    def peak_mib(self) -> float:
        """The most memory of its own that it ever held; Linux only.

        Without the code of libraries that it has mapped: how much of that counts as resident, 21 or 25 MiB, depends on
        how the kernel happens to hold these files in its cache.
        """
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak, mapped = (int(status.partition(f"{name}:")[2].split()[0]) for name in ("VmHWM", "RssFile"))
        return (peak - mapped) / 1024
