"""A node whose host has a clock that jumps (docs/decisions/0010-chaos.md)."""

import math
from collections.abc import Callable

import msgspec

from node.protocol.events import Effect, Event, Machine, Opened, SetTimer


class Skewed:
    """Tells a machine a wrong time; timers that are set run on, as those of an operating system do.

    Parameters
    ----------
    skew
        Seconds since the market opened to how fast the clock is then, seconds.
    """

    def __init__(self, machine: Machine, skew: Callable[[float], float]) -> None:
        self.machine = machine
        self._skew = skew
        self._opened_at = math.inf

    @property
    def watches(self) -> frozenset[str]:
        """What the machine watches."""
        return self.machine.watches

    @property
    def finished(self) -> bool:
        """Whether the machine has finished."""
        return self.machine.finished

    def step(self, now: float, event: Event) -> list[Effect]:
        """The effects of one event at the true time ``now``, seconds."""
        if isinstance(event, Opened):
            self._opened_at = now
        fast = self._skew(now - self._opened_at) if self._opened_at <= now else 0.0
        effects = self.machine.step(now + fast, event)
        return [
            msgspec.structs.replace(effect, at=effect.at - fast) if fast and isinstance(effect, SetTimer) else effect
            for effect in effects
        ]
