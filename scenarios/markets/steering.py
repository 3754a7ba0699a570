"""What people may have happen in a market that runs already, and what its kind makes of that (docs/live.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from node.protocol.machine import Event
from scenarios.markets.base import Scenario

_Word = Annotated[str, msgspec.Meta(max_length=64)]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to happen to a user now; ``amount`` is how much of it, where that can be said."""

    kind: _Word
    node: _Word
    amount: float | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of order that a page offers.

    Attributes
    ----------
    to
        Whom it can happen to, in a word.
    amount, unit
        What is suggested, and of what; None where there is nothing to say.
    is_needed
        Whether an amount must be given.
    """

    key: str
    label: str
    to: str
    amount: float | None = None
    unit: str = ""
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Steering:
    """How a kind of market shifts while it runs; what goes wrong is the same for all kinds."""

    offers: Sequence[Offer]

    steady: Callable[[Any, Any], Scenario]
    """The scenario that says outright what its drawn market has from plans, such as how long it stays open."""

    shifted: Callable[[Any, Order, float], Scenario]
    """The scenario in which the order was planned for so many seconds after the opening.

    ScenarioError if it cannot be planned; the text says why.
    """

    revise: Callable[[Any, Any], None]
    """Have the metrics or the view of a run go by its market as it is drawn from the scenario now."""

    event: Callable[[Any, str, float], Event]
    """What that scenario's market has happen to a node at that time."""
