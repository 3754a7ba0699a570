"""The users of a market that people can be, and what its kind makes of what they do (docs/live.md)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from node.protocol.machine import MarketEvent
from scenarios.markets.base import Market


class Move(msgspec.Struct, frozen=True, tag="move"):
    """What the person who acts for a node wants from now on, as its page said it."""

    node: str
    what: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seats:
    """How people take part in a market of one kind."""

    role: str
    """What they are, in a word."""

    free: Callable[[Any], Sequence[str]]
    """The users of a market whom people can be, in the order in which they become them."""

    seated: Callable[[Any, Collection[str], float], Market]
    """The market in which people act for the users of these names, and have so many seconds for it."""

    move: type[msgspec.Struct]
    """What a person decides, as its page says it."""

    event: Callable[[Any, Mapping[str, str], str, Any], MarketEvent]
    """What a move is to its node, given everybody's address by name and the name of the user."""

    shown: Callable[[Any, Any, str], dict[str, Any]]
    """What its page shows of a user, from the market and its view."""

    earned: Callable[[Any], Mapping[str, float]]
    """The utility of each of these users, money, from the result of a run."""
