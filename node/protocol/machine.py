"""What goes into a machine and what comes out of it (docs/protocol.md, section 5)."""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol

import msgspec

from node.protocol.errors import IgnoredError, RejectedError
from node.protocol.journal import Entry, JournalEntry, MarketOpened
from node.protocol.numbers import NUMBERS_PER_LIFE
from node.protocol.trace import Trace

Message = msgspec.Struct
"""Something that nodes say to each other; which messages there are is up to a market."""


class Restored(msgspec.Struct, frozen=True):
    """The node ran ``lives`` times before, and wrote these journal entries, oldest first; ``Started`` follows.

    The node numbers its messages from ``first_number`` on, so that it never repeats a number of an earlier life.
    """

    lives: int
    entries: tuple[JournalEntry, ...]

    @property
    def first_number(self) -> int:
        """What the node counts from in this life."""
        return self.lives * NUMBERS_PER_LIFE

    @property
    def opened_at(self) -> float | None:
        """When the market opened for the first time, seconds; None if the node had not seen it."""
        return next((line.time_s for line in self.entries if isinstance(line.entry, MarketOpened)), None)


class Started(msgspec.Struct, frozen=True, gc=False):
    """The node is up: post what others must know before the market opens."""


class Opened(msgspec.Struct, frozen=True, gc=False):
    """The start barrier has fallen."""


class Received(msgspec.Struct, frozen=True, gc=False):
    """A decoded message from the node at address ``sender``."""

    sender: str
    message: Message


class TimerFired(msgspec.Struct, frozen=True, gc=False):
    """The timer set under this name is due."""

    name: str


class PeerOffline(msgspec.Struct, frozen=True, gc=False):
    """A host is gone, by its own word or by its last will."""

    host: str


class Reconnected(msgspec.Struct, frozen=True, gc=False):
    """The own host was cut off and is back: what was sent may be lost."""


class Left(msgspec.Struct, frozen=True):
    """The user leaves: a buyer takes back its bids, a seller what it has not sold."""


class MarketEvent(msgspec.Struct, frozen=True):
    """Something that happens to nodes of one market only; its kinds are in the folder of that market."""


Event = Restored | Started | Opened | Received | TimerFired | PeerOffline | Reconnected | Left | MarketEvent


class Send(msgspec.Struct, frozen=True, gc=False):
    """Send a message to the node at address ``to``."""

    to: str
    message: Message


class PostOnBoard(msgspec.Struct, frozen=True, gc=False):
    """Replace the node's retained post on the public board."""

    message: Message


class SetTimer(msgspec.Struct, frozen=True, gc=False):
    """Fire the named timer at time ``at``, seconds; setting it again moves it."""

    name: str
    at: float


class CancelTimer(msgspec.Struct, frozen=True, gc=False):
    """Forget the named timer, if it is set."""

    name: str


class Persist(msgspec.Struct, frozen=True, gc=False):
    """Write a line into the journal, before anything is sent that was said in the same step.

    Attributes
    ----------
    binds
        Whether the line must survive a loss of power, not only of the process, before that is sent.
    """

    entry: Entry
    binds: bool = True


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """A received message changed nothing: stale or repeated (ignored), or such as no correct peer sends (rejected)."""

    verdict: Literal["ignored", "rejected"]
    reason: str


Effect = Send | PostOnBoard | SetTimer | CancelTimer | Persist | Trace | Dropped


def effects_of(handle: Callable[[float, Event], Iterable[Effect]], now: float, event: Event) -> list[Effect]:
    """Collect the effects of handling an event; a message that changes nothing yields ``Dropped`` with the reason."""
    try:
        return list(handle(now, event))
    except IgnoredError as reason:
        return [Dropped("ignored", str(reason))]
    except RejectedError as reason:
        return [Dropped("rejected", str(reason))]


class Machine(Protocol):
    """A node's behaviour, without clock, randomness of its own, sockets or threads."""

    @property
    def watches(self) -> frozenset[str]:
        """The addresses whose board posts it wants to see."""
        ...

    @property
    def finished(self) -> bool:
        """Whether it waits for nothing, and will act again only if it receives something."""
        ...

    def step(self, now: float, event: Event) -> list[Effect]:
        """The effects of one event at time ``now``, seconds."""
        ...
