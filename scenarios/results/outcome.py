"""How a run ended, whatever it was a run of."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["settled", "timeout", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a world ended: status, when the market opened and how long it ran, and what its hosts counted."""

    status: Status
    opened_at: float
    duration_s: float
    counters: dict[str, int]
