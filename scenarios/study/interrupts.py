"""Ctrl-C as a question that a study asks between two blocks."""

import signal
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Takes the first SIGINT or SIGTERM as a wish to stop and keep the results; the next one interrupts at once."""

    def __init__(self) -> None:
        self.is_wanted = False

    def __enter__(self) -> Self:
        # A shell starts background jobs with SIGINT ignored; the handler is installed all the same.
        self._before = [signal.signal(each, self._note) for each in SIGNALS]
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.is_wanted = True
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each, before in zip(SIGNALS, self._before, strict=True):
            signal.signal(each, before)
