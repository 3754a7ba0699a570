"""How fast the time of a market goes that is simulated or played back: any speed, paused, or step by step."""

import math
import threading
import time
from collections.abc import Callable

SLOWEST, FASTEST = 0.01, 1_000.0
"""Seconds of the market per second."""


def is_speed(speed: float) -> bool:
    """Whether somebody may ask for this; 0 stands for as fast as can be."""
    return speed == 0.0 or SLOWEST <= speed <= FASTEST


class Pace:
    """The time of a market as a multiple of the wall clock's; several threads may use it.

    Attributes
    ----------
    speed
        Seconds of the market per second; infinite for as fast as can be.
    is_paused
        Whether it stands still.
    """

    def __init__(self, speed: float = 1.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self.is_paused = False
        self._clock = clock
        self._at_wall, self._at_market = clock(), 0.0
        self._steps = 0
        self._lock = threading.Lock()

    def reach(self) -> float:
        """Up to when things may happen, seconds of the market."""
        with self._lock:
            return self._reach()

    def _reach(self) -> float:
        if self.is_paused:
            return self._at_market
        passed = self._clock() - self._at_wall
        return self._at_market + (self.speed * passed if math.isfinite(self.speed) else math.inf)

    def restart(self) -> None:
        """Begin anew at 0, with the same speed."""
        with self._lock:
            self._at_wall, self._at_market, self._steps = self._clock(), 0.0, 0

    def set_speed(self, speed: float, now_s: float) -> None:
        """Go on from this time of the market, seconds, at another speed."""
        with self._lock:
            self._anchor(now_s)
            self.speed = speed

    def pause(self, now_s: float) -> None:
        """Stand still at this time of the market, seconds."""
        with self._lock:
            self._anchor(now_s)
            self.is_paused = True

    def go_on(self, now_s: float) -> None:
        """Go on from this time of the market, seconds."""
        with self._lock:
            self._at_wall, self._at_market = self._clock(), now_s
            self.is_paused = False

    def _anchor(self, now_s: float) -> None:
        self._at_market = self._reach() if math.isfinite(self.speed) or self.is_paused else now_s
        self._at_wall = self._clock()

    def step(self) -> None:
        """Ask for the next thing that happens, while it stands still."""
        with self._lock:
            self._steps += self.is_paused

    def take_step(self) -> bool:
        """Whether a step was asked for, which then has been taken."""
        with self._lock:
            wanted = self._steps > 0
            self._steps -= wanted
            return wanted

    def stepped(self, now_s: float) -> None:
        """Stand still at the time of the step, seconds."""
        with self._lock:
            self._at_market = max(self._at_market, now_s)
