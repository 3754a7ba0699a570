"""Live progress of a run in the terminal."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from scenarios.markets.kind import Metrics

REFRESHES_PER_S = 8
PLAIN_LINE_EVERY_S = 5.0
"""Where the output is no terminal, one line this often."""


class Progress:
    """Shows what a market says of itself: a line, and on a terminal a table below it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
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
        """Show what is being waited for."""
        self._show(text, None)

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
            self._live.update(Group(Text(line), table) if table else Text(line), refresh=True)
        else:
            self._console.print(line, highlight=False, soft_wrap=True)
