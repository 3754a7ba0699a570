"""How much a host reads from each other host, so that a flood harms only its sender (docs/protocol.md, section 3)."""

from dataclasses import dataclass, field

import msgspec

MAX_HOSTS = 1_000
"""Most hosts that get an allowance of their own, and may talk to nodes here; each takes memory."""

MAX_LIVES = 100_000
"""Most hosts whose lives a host keeps in mind; each takes memory."""
MAX_SENDERS = 5_000
"""Most nodes of all other hosts together that may talk to nodes here, but for the first of each host: one post of
``MAX_FRAME_BYTES`` still names or counts them all."""

MAX_NAMED = 100
"""Hosts that are throttled, or of which something is rejected, that are counted by name; counters go into results."""

OTHERS = "others"
"""The name under which further hosts are counted, and share one allowance; a host of that name shares it too."""


class Limits(msgspec.Struct, frozen=True):
    """What a host takes from any other, and keeps for it; the defaults are for a device with a few nodes.

    Attributes
    ----------
    messages_per_s, messages_burst
        In the long run, and at once. A frame counts as one message at least.
    bytes_per_s, bytes_burst
        The same of the size of frames and posts; the burst must be as large as a frame may be.
    senders
        Nodes of one other host that may talk to nodes here.
    waiting_bytes
        Of messages to one other host that wait until they are sent.
    """

    messages_per_s: float = 1_000.0
    messages_burst: float = 5_000.0
    bytes_per_s: float = 256.0 * 1024
    bytes_burst: float = 2.0 * 1024 * 1024
    senders: int = 1_000
    waiting_bytes: int = 16 * 1024 * 1024

    def for_each_of(self, nodes: int) -> "Limits":
        """The same rates for each of so many nodes that share a host."""
        return msgspec.structs.replace(
            self,
            messages_per_s=self.messages_per_s * nodes,
            messages_burst=self.messages_burst * nodes,
            bytes_per_s=self.bytes_per_s * nodes,
            bytes_burst=self.bytes_burst * nodes,
        )


@dataclass(slots=True)
class _Allowance:
    """What a host may still send at time ``at``: two token buckets."""

    at: float
    messages: float
    bytes: float


@dataclass(slots=True)
class Throttle:
    """Decides what is read, by the time that is handed in and the sending host.

    An allowance that has filled up again is as good as a new one, so those are forgotten when there are too many.
    """

    limits: Limits
    _allowances: dict[str, _Allowance] = field(default_factory=dict)
    _senders: dict[str, set[str]] = field(default_factory=dict)
    _senders_in_all: int = 0
    _waiting: dict[str, int] = field(default_factory=dict)
    _counted: set[str] = field(default_factory=set)
    _tidied_at: float = 0.0

    def admits(self, now: float, host: str, size: int, messages: int = 1) -> bool:
        """Whether the host may have so many bytes and messages read; then they are taken from its allowance."""
        allowance = self._allowance(now, host)
        if allowance.messages < messages or allowance.bytes < size:
            return False
        allowance.messages -= messages
        allowance.bytes -= size
        return True

    def admits_sender(self, host: str, from_node: str) -> bool:
        """Whether this node of another host may talk to nodes here: each of them remembers who has talked to it."""
        known = self._senders.get(host)
        if known and from_node in known:
            return True
        if not self._has_room_for_another(known):
            return False
        self._senders.setdefault(host, set()).add(from_node)
        self._senders_in_all += 1
        return True

    def _has_room_for_another(self, known: set[str] | None) -> bool:
        if not known:  # whatever others have used up, a device gets its one node in
            return len(self._senders) < MAX_HOSTS
        return len(known) < self.limits.senders and self._senders_in_all < MAX_SENDERS

    def admits_answer(self, host: str, size: int) -> bool:
        """Whether so many bytes more may wait to be sent to another host: a small question can have a large answer."""
        waiting = self._waiting.get(host, 0) + size
        if waiting > self.limits.waiting_bytes:
            return False
        self._waiting[host] = waiting
        return True

    def sent(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()

    def counted_as(self, host: str) -> str:
        """Under which name to count what was not read, or rejected."""
        if host not in self._counted and len(self._counted) >= MAX_NAMED:
            return OTHERS
        self._counted.add(host)
        return host

    def _allowance(self, now: float, host: str) -> _Allowance:
        found = self._allowances.get(host)
        if found is None:
            self._tidy(now)
            host = host if len(self._allowances) < MAX_HOSTS else OTHERS
            found = self._allowances.setdefault(host, _Allowance(now, *self._full))
        self._fill(found, now)
        return found

    @property
    def _full(self) -> tuple[float, float]:
        return self.limits.messages_burst, self.limits.bytes_burst

    def _fill(self, allowance: _Allowance, now: float) -> None:
        elapsed = max(0.0, now - allowance.at)
        most_messages, most_bytes = self._full
        allowance.messages = min(most_messages, allowance.messages + elapsed * self.limits.messages_per_s)
        allowance.bytes = min(most_bytes, allowance.bytes + elapsed * self.limits.bytes_per_s)
        allowance.at = max(allowance.at, now)

    def _tidy(self, now: float) -> None:
        """Forget the full allowances, once a second at most: under a flood of names that costs little."""
        if len(self._allowances) < MAX_HOSTS or now < self._tidied_at + 1.0:
            return
        self._tidied_at = now
        for allowance in self._allowances.values():
            self._fill(allowance, now)
        full = [host for host, found in self._allowances.items() if (found.messages, found.bytes) == self._full]
        for host in full:
            del self._allowances[host]
