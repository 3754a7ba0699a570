"""The world ``sim``: hosts on virtual time, joined by a seeded network that delays, loses, doubles and overtakes."""

import contextlib
import gc
import heapq
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec
import numpy as np

from node.protocol.host import Host, Lives
from node.protocol.machine import Event
from node.protocol.topics import host_of
from node.protocol.trace import Record, Trace
from node.runtime.journal import Journal
from node.runtime.streams import life, stream

FIRST = -(1 << 80)
"""Before all turns of hosts."""

TURNS = 1 << 50
"""More events than a simulation ever has: the turns of hosts that are due at one time are so far apart."""


class LinkModel(msgspec.Struct, frozen=True):
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
    """Run the garbage collector a hundred times less often: a market has many objects and few reference cycles."""
    usual = gc.get_threshold()
    gc.set_threshold(100 * usual[0], *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class Faults(Protocol):
    """What a simulation asks of whatever goes wrong in it; times are virtual, seconds."""

    def attach(self, simulation: "Simulation") -> None:
        """Take part in this simulation, which has its hosts by now."""

    def begin(self) -> None:
        """The market has just opened: plan what is to go wrong from now on."""

    def send(self, sender: Host, to: str, frame: bytes) -> None:
        """Hand a frame to ``Simulation.send`` when it leaves its host, if it does."""

    def post(self, sender: Host, poster: str, post: bytes) -> None:
        """Hand a board post to ``Simulation.post`` when it leaves its host, if it does."""

    def hears(self, reader: Host, sender: str) -> bool:
        """Whether what the host ``sender`` has sent reaches the reader now."""
        ...

    def missed(self, reader: Host, poster: str) -> None:
        """A post has not reached the reader, which did not hear its host."""

    def wakes_at(self, host: Host) -> float:
        """When the host can have a turn; never in the past, infinite if it cannot have one again."""
        ...

    def rests(self, host: Host) -> bool:
        """Whether the host means to do nothing more."""
        ...


class Simulation:
    """Runs hosts on virtual time; the same seed gives the same records, byte for byte.

    Parameters
    ----------
    links
        How frames travel between any two hosts.
    sink
        Takes the trace of the hosts, a turn at a time.
    journal
        Where hosts write what binds them; without one, nothing is written.
    faults
        What goes wrong besides the links; without it, nothing does.

    Attributes
    ----------
    now, opened_at
        The virtual time, and when the market opened, seconds.
    delivered
        Frames that have reached a host.
    hosts
        The processes that run now, by name.
    lives
        In which life each host is; all of them know that of every other at once.
    seed
        The root seed, from which faults draw too.
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        links: LinkModel,
        seed: int,
        sink: Callable[[list[Record[Trace]]], None],
        journal: Journal | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.now = 0.0
        self.opened_at = math.inf
        self.delivered = 0
        self.seed = seed
        self.hosts = {host.name: host for host in hosts}
        self.lives: Lives = {name: life(seed, name, 0) for name in self.hosts}
        self._restarts = Counter[str]()
        self._links = links
        self._shares = _uniform_shares(stream(seed, "network", "delivery"))
        self.sink = sink
        self._journal = journal
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._turn_of = {name: (k - len(self.hosts)) * TURNS for k, name in enumerate(self.hosts)}
        self._last_arrivals: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._wake_at: dict[str, float] = {}
        self._wakes: set[tuple[str, float]] = set()
        self._busy: Host | None = None
        self._turned: Host | None = None
        self._readers: defaultdict[str, list[Host]] = defaultdict(list)
        for host in self.hosts.values():
            for poster in host.watched:
                self._readers[poster].append(host)
        self._faults = faults
        if faults:
            faults.attach(self)

    @property
    def settled(self) -> bool:
        """Whether no node means to do anything more."""
        # The host that was last found busy most often still is; the others need not be asked.
        if self._busy is None or self._rests(self._busy):
            self._busy = next((host for host in self.hosts.values() if not self._rests(host)), None)
        return self._busy is None

    def _rests(self, host: Host) -> bool:
        return host.finished if self._faults is None else self._faults.rests(host)

    def open_market(self) -> float:
        """Start all nodes, let every post arrive, then let the start barrier fall; the time of that, seconds."""
        for host in self.hosts.values():
            host.start(self.now, self.lives)
            self.collect(host)
        while self._events:
            self._next()
        self.opened_at = self.now
        for host in self.hosts.values():
            host.open(self.now)
            self.collect(host)
        if self._faults:
            self._faults.begin()
        return self.now

    def run(self, until: float, most_events: int) -> bool:
        """Run to time ``until`` or until all is settled, at most so many events; whether there is more to do."""
        with _rare_collections():
            for _ in range(most_events):
                # The market cannot be settled before the host last found busy has had another turn.
                if (self._busy is self._turned or self._busy is None) and self.settled:
                    return False
                if not self._events or self._events[0][0] > until:
                    return False
                self._next()
        return True

    def _next(self) -> None:
        self.now, _, action, arguments = heapq.heappop(self._events)
        action(*arguments)

    def at(self, time_s: float, action: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - the action's own
        """Do something at a time that is not past, seconds; what is due at one time is done in the order of asking."""
        heapq.heappush(self._events, (time_s, next(self._order), action, arguments))

    # From outside, between two events

    @property
    def next_at(self) -> float:
        """When the next event is due, seconds; infinite if there is none."""
        return self._events[0][0] if self._events else math.inf

    def is_awake(self, name: str) -> bool:
        """Whether the host of that name can have a turn now."""
        return self._faults is None or self._faults.wakes_at(self.hosts[name]) <= self.now

    def tell(self, host: str, node: str, event: Event) -> None:
        """Hand a node what happens to it now, as its plan would."""
        self.hosts[host].tell(self.now, node, event)
        self.collect(self.hosts[host])

    def planned(self, time_s: float, action: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - as ``at``
        """Do something at a time that is not past before all else that is due then, whenever that was asked for."""
        heapq.heappush(self._events, (time_s, FIRST + next(self._order), action, arguments))

    # Turns of hosts

    def collect(self, host: Host) -> None:
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
        faults, size = self._faults, 0
        for to, frame in host.frames():
            size += len(frame)
            if faults is None:
                self.send(host, to, frame)
            else:
                faults.send(host, to, frame)
        for poster, post in host.posts():
            size += len(post)
            if faults is None:
                self.post(poster, post)
            else:
                faults.post(host, poster, post)
        host.counters["bytes"] += size
        if records := host.records():
            self.sink(records)

    def _wake_later(self, host: Host, deadline: float) -> None:
        self._wake_at[host.name] = deadline
        # An event for this deadline may still be queued: it was queued before an earlier deadline took its place.
        if (host.name, deadline) not in self._wakes:
            self._wakes.add((host.name, deadline))
            self._wake_at_turn(max(deadline, self.now), host, deadline)

    def _wake_at_turn(self, time_s: float, host: Host, deadline: float) -> None:
        """Before all else that is due then, and in the order of hosts, whenever each of them asked."""
        turn = self._turn_of[host.name] + next(self._order)
        heapq.heappush(self._events, (time_s, turn, self._wake, (host, deadline)))

    def _wake(self, host: Host, deadline: float) -> None:
        if self._faults is not None and (at := self._faults.wakes_at(host)) > self.now:
            if at < math.inf:
                self._wake_at_turn(at, host, deadline)
            return
        self._wakes.remove((host.name, deadline))
        if self._wake_at.get(host.name) == deadline:
            del self._wake_at[host.name]
        self.collect(host)

    def replace(self, host: Host) -> None:
        """Start a fresh process in place of the one of its name, with what the journal holds of its nodes."""
        self.look_again()
        self._wake_at.pop(host.name, None)
        self._wakes = {wake for wake in self._wakes if wake[0] != host.name}
        self.hosts[host.name] = host
        self._restarts[host.name] += 1
        self.lives[host.name] = life(self.seed, host.name, self._restarts[host.name])
        for readers in self._readers.values():
            readers[:] = [host if reader.name == host.name else reader for reader in readers]
        host.start(self.now, self.lives, self._journal.past() if self._journal else None)
        self.collect(host)

    def look_again(self) -> None:
        """Ask every host anew whether the market is settled: the one found busy may never have another turn."""
        self._busy = None

    # The network

    def draw(self) -> float:
        """The network's next draw, uniform in [0, 1)."""
        return next(self._shares)

    def _drawn(self, share: float) -> bool:
        return next(self._shares) < share

    def delay(self) -> float:
        """How long the next frame or post takes, seconds."""
        shortest, longest = self._links.delay_min_s, self._links.delay_max_s
        return shortest + (longest - shortest) * next(self._shares)

    def send(self, sender: Host, to: str, frame: bytes) -> None:
        """Let a frame travel from the sender to the host ``to``."""
        receiver, links = self.hosts.get(to), self._links
        copies = 2 if links.duplication and self._drawn(links.duplication) else 1
        for _ in range(copies):
            arrival = self.now + self.delay()
            if not (links.reordering and self._drawn(links.reordering)):
                last = self._last_arrivals[sender.name]
                if arrival < last.get(to, 0.0):
                    arrival = last[to]
                last[to] = arrival
            if receiver and not (links.loss and self._drawn(links.loss)):
                self.at(arrival, self.deliver, receiver, sender.name, frame)

    def post(self, poster: str, post: bytes) -> None:
        """Let a board post travel from the node ``poster`` to all that watch it."""
        for reader in self._readers[poster]:
            self.at(self._post_arrival(), self.deliver_post, reader, poster, post)

    def deliver(self, receiver: Host, sender: str, frame: bytes) -> None:
        """Hand a frame from the host ``sender`` to its receiver."""
        if self._faults is None or self._faults.hears(receiver, sender):
            self.delivered += 1
            receiver.receive_frame(self.now, sender, frame)
            self.collect(receiver)

    def deliver_post(self, reader: Host, poster: str, post: bytes) -> None:
        """Hand a board post to one that watches its poster."""
        if self._faults is None or self._faults.hears(reader, host_of(poster)):
            reader.receive_post(self.now, poster, post)
            self.collect(reader)
        else:
            self._faults.missed(reader, poster)

    def _post_arrival(self) -> float:
        arrival = self.now + self.delay()
        while self._links.loss and self._drawn(self._links.loss):
            arrival += 2.0 * self._links.delay_max_s
        return arrival
