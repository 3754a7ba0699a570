"""The worker processes of a run over MQTT, as the launcher sees them: started, watched, killed, started again."""

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from scenarios.launch.worker import News, Orders, counters_file
from scenarios.markets.seats import Move

LEAVE_S = 10.0
"""How long the workers may take to leave once told to, seconds."""


class Workers:
    """The workers of one run by number; none outlives the block of ``working``.

    Attributes
    ----------
    away
        Those that are dead by plan, and whether they come back.
    lost
        What the hosts of killed workers had counted.
    """

    def __init__(self, orders: list[Orders], run_dir: Path) -> None:
        self.away: dict[int, bool] = {}
        self._orders = orders
        self._run_dir = run_dir
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.lost: Counter[str] = Counter()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Start all of them, and stop them at the end of the block."""
        try:
            for index in range(len(self._orders)):
                self._spawn(index)
            yield
        finally:
            self._stop()

    def kill(self, index: int, counted: Mapping[str, int], *, comes_back: bool) -> None:
        """End a worker by SIGKILL; ``counted`` is what its hosts had last told of their counters."""
        self.away[index] = comes_back
        self.lost.update(counted)
        process = self._processes[index]
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()

    def start_again(self, index: int, opened_at: float) -> None:
        """Start a worker that was killed with the same orders; it takes up its journal."""
        orders = self._orders[index]
        self._orders[index] = msgspec.structs.replace(orders, life=orders.life + 1, opened_at=opened_at)
        self._spawn(index)
        del self.away[index]

    def tell(self, indices: Iterable[int], news: News | Move) -> None:
        """Tell workers of something new; one that is dead reads it in the folder if it comes back."""
        line = msgspec.json.encode(news) + b"\n"
        for index in indices:
            stdin = self._processes[index].stdin
            assert stdin is not None
            if index not in self.away:
                with contextlib.suppress(BrokenPipeError):  # its obituary follows
                    stdin.write(line)
                    stdin.flush()

    def obituary(self) -> str | None:
        """Of a worker that died unplanned: which, how, and where to look."""
        for index, process in self._processes.items():
            if process.poll() is not None and index not in self.away:
                log = self._log(index)
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                why = f": {last[0]}" if last else ""
                return f"worker {index + 1} died with exit code {process.returncode}{why}; see {log}"
        return None

    @property
    def have_left(self) -> bool:
        """Whether all processes have ended."""
        return all(process.poll() is not None for process in self._processes.values())

    def counted(self) -> Counter[str] | None:
        """What the hosts of all workers counted in all their lives, once the last ones have written it."""
        written = [counters_file(orders) for orders in self._orders if orders.index not in self.away]
        if not all(path.exists() for path in written):
            return None
        return sum((Counter(msgspec.json.decode(path.read_bytes())) for path in written), self.lost)

    def _log(self, index: int) -> Path:
        return self._run_dir / f"worker-{index + 1}.log"

    def _spawn(self, index: int) -> None:
        with self._log(index).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "scenarios.launch.worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # The interpreter's own threads would only fight over the cores with the other workers.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self._processes[index] = process
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(self._orders[index]) + b"\n")
        process.stdin.flush()

    def _stop(self) -> None:
        """End the workers: by the end of stdin, then by SIGTERM, then by SIGKILL."""
        processes = list(self._processes.values())
        for process in processes:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        for patience_s, harder in ((LEAVE_S / 2, subprocess.Popen.terminate), (2.0, subprocess.Popen.kill)):
            deadline = time.monotonic() + patience_s
            for process in processes:
                try:
                    process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    harder(process)
        for process in processes:
            process.wait()
