"""The world ``sim``: hosts on virtual time, joined by a seeded network that delays, loses, doubles and overtakes."""

import contextlib
import gc
import heapq
import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from node.protocol.host import Host, Record
from node.runtime.journal import Journal
from node.runtime.streams import stream


class Network(msgspec.Struct, frozen=True):
    """How frames travel between hosts.

    Attributes
    ----------
    delay_min_s, delay_max_s
        A frame takes a uniform time between these, seconds.
    loss, duplication
        Share of frames that never arrive, and that arrive twice. A board post is retained by the broker, so a lost one
        only arrives later.
    reordering
        Share of frames that may overtake earlier ones of the same sender and receiver.
    """

    delay_min_s: float = 0.0005
    delay_max_s: float = 0.003
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0


def _uniform_shares(random: np.random.Generator) -> Iterator[float]:
    """Endless draws from [0, 1), those of ``random.random()``; one call for many of them is many times faster."""
    while True:
        yield from random.random(1024).tolist()


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for reference cycles a hundred times less often: a market makes few, and much to look through."""
    usual = gc.get_threshold()
    gc.set_threshold(100 * usual[0], *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class Simulation:
    """Runs hosts on virtual time; the same seed gives the same records, byte for byte."""

    def __init__(
        self,
        hosts: Iterable[Host],
        network: Network,
        seed: int,
        sink: Callable[[list[Record]], None],
        journal: Journal | None = None,
    ) -> None:
        self.now = 0.0
        self.delivered = 0
        self._hosts = {host.name: host for host in hosts}
        self._network = network
        self._shares = _uniform_shares(stream(seed, "network", "delivery"))
        self._sink = sink
        self._journal = journal
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._last_arrivals: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._wake_at: dict[str, float] = {}
        self._wakes: set[tuple[str, float]] = set()
        self._busy: Host | None = None
        self._turned: Host | None = None
        self._readers: defaultdict[str, list[Host]] = defaultdict(list)
        for host in self._hosts.values():
            for poster in host.watched:
                self._readers[poster].append(host)

    @property
    def settled(self) -> bool:
        """Whether no node means to do anything more."""
        # The host that was last found busy most often still is; the others need not be asked.
        if self._busy is None or self._rests(self._busy):
            self._busy = next((host for host in self._hosts.values() if not self._rests(host)), None)
        return self._busy is None

    def _rests(self, host: Host) -> bool:
        return host.finished

    def open_market(self) -> float:
        """Start all nodes, let every post arrive, then let the start barrier fall; the time of that, seconds."""
        for host in self._hosts.values():
            host.start(self.now)
            self._collect(host)
        while self._events:
            self._next()
        for host in self._hosts.values():
            host.open(self.now)
            self._collect(host)
        return self.now

    def run(self, until: float, most_events: int) -> bool:
        """Run to time ``until`` or until all is settled, at most so many events; whether there is more to do."""
        with _rare_collections():
            for _ in range(most_events):
                # Nothing can have settled before the host that was found busy has had another turn.
                if (self._busy is self._turned or self._busy is None) and self.settled:
                    return False
                if not self._events or self._events[0][0] > until:
                    return False
                self._next()
        return True

    def _next(self) -> None:
        self.now, _, action, arguments = heapq.heappop(self._events)
        action(*arguments)

    def _at(self, time_s: float, action: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - the action's own
        heapq.heappush(self._events, (time_s, next(self._order), action, arguments))

    def _collect(self, host: Host) -> None:
        """Take what a host has to say after its turn, and note when it wants its next one."""
        self._turned = host
        deadline = host.fire(self.now)
        if host.has_output:
            self._take_output(host)
        if deadline is not None and deadline < self._wake_at.get(host.name, math.inf):
            self._wake_later(host, deadline)

    def _take_output(self, host: Host) -> None:
        if (entries := host.entries()) and self._journal:
            self._journal.append(entries)
        for to, frame in host.frames():
            self._send(host, to, frame)
        for poster, post in host.posts():
            self._post(host, poster, post)
        if records := host.records():
            self._sink(records)

    def _wake_later(self, host: Host, deadline: float) -> None:
        self._wake_at[host.name] = deadline
        # A wake that an earlier one put off is still on its way.
        if (host.name, deadline) not in self._wakes:
            self._wakes.add((host.name, deadline))
            self._at(max(deadline, self.now), self._wake, host, deadline)

    def _wake(self, host: Host, deadline: float) -> None:
        self._wakes.remove((host.name, deadline))
        if self._wake_at.get(host.name) == deadline:
            del self._wake_at[host.name]
        self._collect(host)

    # The network

    def _draw(self, share: float) -> bool:
        return next(self._shares) < share

    def _delay(self) -> float:
        shortest, longest = self._network.delay_min_s, self._network.delay_max_s
        return shortest + (longest - shortest) * next(self._shares)

    def _send(self, sender: Host, to: str, frame: bytes) -> None:
        receiver, network = self._hosts.get(to), self._network
        copies = 2 if network.duplication and self._draw(network.duplication) else 1
        for _ in range(copies):
            arrival = self.now + self._delay()
            if not (network.reordering and self._draw(network.reordering)):
                last = self._last_arrivals[sender.name]
                if arrival < last.get(to, 0.0):
                    arrival = last[to]
                last[to] = arrival
            if receiver and not (network.loss and self._draw(network.loss)):
                self._at(arrival, self._deliver, receiver, sender.name, frame)

    def _deliver(self, receiver: Host, sender: str, frame: bytes) -> None:
        self.delivered += 1
        receiver.receive_frame(self.now, sender, frame)
        self._collect(receiver)

    def _post(self, sender: Host, poster: str, post: bytes) -> None:
        del sender
        for reader in self._readers[poster]:
            self._at(self._post_arrival(), self._deliver_post, reader, poster, post)

    def _post_arrival(self) -> float:
        arrival = self.now + self._delay()
        while self._network.loss and self._draw(self._network.loss):
            arrival += 2.0 * self._network.delay_max_s
        return arrival

    def _deliver_post(self, reader: Host, poster: str, post: bytes) -> None:
        reader.receive_post(self.now, poster, post)
        self._collect(reader)
