"""What strategies ask of a random stream; it is handed in."""

from typing import Protocol


class Random(Protocol):
    """The one thing a strategy asks of a random stream; ``numpy.random.Generator`` has it."""

    def uniform(self, low: float, high: float) -> float:
        """Draw a float from [low, high)."""
        ...
