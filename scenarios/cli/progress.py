"""Live progress of a command in the terminal."""

import time
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from scenarios.console import Log
from scenarios.markets.kind import Metrics
from scenarios.words import span_of

REFRESHES_PER_S = 8
PLAIN_LINE_EVERY_S = 5.0
"""Where the output is no terminal, one line this often."""

NOTICED_S = 1.0
"""So long a step takes until it is shown for how long."""


class Progress:
    """Shows what a market says of itself: a line, and on a terminal a table below it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._line = ""
        self._table: RenderableType | None = None
        self._since: float | None = None
        # Refreshed by a thread of its own, so that a step of one long computation is seen to go on.
        self._live = (
            Live(console=log.console, get_renderable=self._shown, refresh_per_second=REFRESHES_PER_S, transient=True)
            if log.is_live
            else None
        )
        self._shown_at = time.monotonic() if self._live is None else 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Show which step begins; with ``-v`` it stays."""
        if not self._live or self._log.is_verbose:
            self._log.note(text)
        self._line, self._table, self._since = text, None, time.monotonic()

    def step(self, text: str) -> None:
        """Show which short step begins, where that leaves no line behind or is asked for."""
        if self._live or self._log.is_verbose:
            self.say(text)

    def wait(self, text: str) -> None:
        """Show for whom the run waits, if it is time to."""
        if self._is_due():
            self._show(text, None)

    def watch(self, metrics: Metrics, elapsed_s: float, messages: int) -> None:
        """Show how far a run is, if it is time to."""
        if self._is_due():
            self._show(metrics.headline(elapsed_s, messages), metrics.table() if self._live else None)

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._shown_at < (1.0 / REFRESHES_PER_S if self._live else PLAIN_LINE_EVERY_S):
            return False
        self._shown_at = now
        return True

    def _show(self, line: str, table: RenderableType | None) -> None:
        if self._live:
            self._line, self._table, self._since = line, table, None
        else:
            self._log.note(line)

    def _shown(self) -> RenderableType:
        """The line, for how long its step has taken, and the table."""
        took_s = 0.0 if self._since is None else time.monotonic() - self._since
        line = Text(f"{self._line} {span_of(took_s)}" if took_s >= NOTICED_S else self._line)
        return Group(line, self._table) if self._table else line
