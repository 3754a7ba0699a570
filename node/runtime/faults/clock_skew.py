"""A node whose host has a clock that jumps (docs/decisions/0010-chaos.md)."""

import math
from collections.abc import Callable, Iterator

import msgspec

from node.protocol.journal import MarketOpened
from node.protocol.machine import Effect, Event, Machine, Opened, Persist, Restored, SetTimer


class Skewed:
    """Tells a machine a wrong time; timers that are already set still fire at the true time, as in an operating system.

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
        noted = list(self._noted(now, event))
        fast = self._skew(now - self._opened_at) if self._opened_at <= now else 0.0
        effects = [_set_right(effect, fast) for effect in self.machine.step(now + fast, event)]
        return [*noted, *effects] if Persist(MarketOpened()) not in effects else effects

    def _noted(self, now: float, event: Event) -> Iterator[Effect]:
        """Remember when the market opened, since skews count from then; restored from the journal after a restart."""
        match event:
            case Restored():
                self._opened_at = math.inf if event.opened_at is None else event.opened_at
            case Opened() if self._opened_at == math.inf:
                self._opened_at = now
                yield Persist(MarketOpened())


def _set_right(effect: Effect, fast: float) -> Effect:
    return msgspec.structs.replace(effect, at=effect.at - fast) if isinstance(effect, SetTimer) else effect
