"""The world ``sim`` with faults: hosts that crash and come back, cuts, and a broker that dies, planned or on demand."""

import math
from collections.abc import Callable, Iterable
from typing import Literal

from node.protocol.host import Host, Record
from node.protocol.topics import host_of
from node.runtime.faults.plan import Edge, Fault, Plan, fault_record
from node.runtime.journal import Journal
from node.runtime.sim.simulation import Network, Simulation
from node.runtime.streams import stream

LONGEST_RECONNECTION_S = 0.5
"""Hosts find a broker that is back within so many seconds, each after a time of its own."""

Rebuild = Callable[[str], Host]
"""Makes a fresh process of the host of that name."""


class FaultySimulation(Simulation):
    """Carries out a plan of faults; tests also call ``crash``, ``cut_off``, ``reconnect`` and ``restart`` themselves.

    Parameters
    ----------
    plan
        What goes wrong; without one nothing does.
    rebuild
        What brings a crashed host back.

    Attributes
    ----------
    dead, cut
        Hosts that have crashed, and that are cut off from the broker.
    board
        The newest post of every poster, as the broker retains it.
    """

    def __init__(
        self,
        hosts: Iterable[Host],
        network: Network,
        seed: int,
        sink: Callable[[list[Record]], None],
        journal: Journal | None = None,
        plan: Plan | None = None,
        rebuild: Rebuild | None = None,
    ) -> None:
        super().__init__(hosts, network, seed, sink, journal)
        self.dead: set[str] = set()
        self.cut: set[str] = set()
        self.board: dict[str, bytes] = {}
        self._plan = plan or Plan()
        self._rebuild = rebuild
        self._edges = {name: Edge(name, plan, stream(seed, name, "faults")) for name in self._hosts} if plan else {}
        self._coming_back: set[str] = set()
        self._back_at: dict[str, float] = {}
        self._broker_back_at = 0.0
        self._held: set[tuple[str, str]] = set()

    # On demand

    def crash(self, name: str) -> None:
        """The host falls silent for ever, and its last will tells everybody."""
        self.dead.add(name)
        self._busy = None
        self.tell_offline(name)

    def tell_offline(self, name: str) -> None:
        """Its last will says that the host is gone."""
        for host in list(self._hosts.values()):
            if host.name != name:
                self._tell_offline(host, name)

    def cut_off(self, name: str) -> None:
        """Nothing reaches the host, and nothing leaves it, until it is back; nobody is told."""
        self.cut.add(name)

    def reconnect(self, name: str) -> None:
        """The host has found the broker again, and says everything anew."""
        self.cut.discard(name)
        self._hosts[name].reconnected(self.now)
        self._collect(self._hosts[name])

    def restart(self, host: Host) -> None:
        """A process of the same name takes the place of a crashed host; it finds what is on the board."""
        self.dead.discard(host.name)
        self._busy = None
        self._wake_at.pop(host.name, None)
        self._wakes = {wake for wake in self._wakes if wake[0] != host.name}
        self._held = {held for held in self._held if held[0] != host.name}
        self._hosts[host.name] = host
        for readers in self._readers.values():
            readers[:] = [host if reader.name == host.name else reader for reader in readers]
        host.start(self.now, self._journal.past() if self._journal else None)
        self._collect(host)
        for poster, post in list(self.board.items()):
            self._deliver_post(host, poster, post)
        for name in sorted(self.dead):
            self._tell_offline(host, name)

    # As planned

    def open_market(self) -> float:
        """Open the market and begin with the plan; the time of that, seconds."""
        opened_at = super().open_market()
        for edge in self._edges.values():
            edge.opened_at = opened_at
        for fault in self._plan.faults:
            self._at(opened_at + fault.at_s, self._say, "fault", fault)
            self._at_end(opened_at + fault.until_s, self._say, "healed", fault)
        for name in self._hosts:
            for start, end in self._plan.crashes({name}):
                self._at(opened_at + start, self._crash, name, end < math.inf)
                self._at_end(opened_at + end, self._come_back, name)
        for start, end in self._plan.broker_crashes():
            self._at(opened_at + start, self._break_broker, opened_at + end)
        return opened_at

    def _at_end(self, time_s: float, action: Callable[..., None], *arguments: object) -> None:
        if time_s < math.inf:
            self._at(time_s, action, *arguments)

    def _say(self, kind: Literal["fault", "healed"], fault: Fault) -> None:
        self._sink([fault_record(self.now, kind, fault)])

    def _crash(self, name: str, comes_back: bool) -> None:  # noqa: FBT001 - an action of the plan
        self.dead.add(name)
        self._busy = None
        if comes_back:
            self._coming_back.add(name)
        if not self._is_offline(name):  # else there is nobody to say its last will
            for host in self._hosts.values():
                if host.name != name:
                    self._at(self.now + self._delay(), self._tell_offline, host, name)

    def _come_back(self, name: str) -> None:
        assert self._rebuild is not None
        if self._broker_back_at > self.now:
            self._at(self._reconnection(), self._come_back, name)
            return
        self._coming_back.discard(name)
        self._back_at.pop(name, None)
        host = self._rebuild(name)
        self.restart(host)
        self._at(self.now + self._delay(), self._open, host)

    def _open(self, host: Host) -> None:
        if not self._is_gone(host):
            host.open(self.now)
            self._collect(host)

    def _break_broker(self, back_at: float) -> None:
        """What is on its way and what is retained is lost, and no host has a turn until it is connected again."""
        self._broker_back_at = back_at
        self.board.clear()
        for name in self._hosts:
            self._back_at[name] = at = self._reconnection()
            self._at_end(at, self._find_broker, name, at)

    def _reconnection(self) -> float:
        return self._broker_back_at + LONGEST_RECONNECTION_S * next(self._shares)

    def _find_broker(self, name: str, at: float) -> None:
        if self._back_at.get(name) == at and name not in self.dead:
            del self._back_at[name]
            self.reconnect(name)

    # What the network does

    def _is_gone(self, host: Host) -> bool:
        return host.name in self.dead or host is not self._hosts[host.name]

    def _is_offline(self, name: str) -> bool:
        return name in self.cut or self.now < self._back_at.get(name, 0.0)

    def _rests(self, host: Host) -> bool:
        if host.name in self.dead:
            return host.name not in self._coming_back
        return super()._rests(host)

    def _wake(self, host: Host, deadline: float) -> None:
        if self._is_gone(host):
            return
        if (back_at := self._back_at.get(host.name, 0.0)) > self.now:
            self._at_end(back_at, self._wake, host, deadline)
            return
        super()._wake(host, deadline)

    def _heals_at(self, receiver: Host, other: str) -> float:
        """When the receiver can hear the other host; now, if it can."""
        edge = self._edges.get(receiver.name)
        return edge.heals_at(other, self.now) if edge else self.now

    def _send(self, sender: Host, to: str, frame: bytes) -> None:
        edge = self._edges.get(sender.name)
        if edge is None:
            super()._send(sender, to, frame)
            return
        for at in edge.departures(to, self.now):
            self._soon(at, self._leave, sender, to, frame)

    def _leave(self, sender: Host, to: str, frame: bytes) -> None:
        if not self._is_gone(sender) and not self._is_offline(sender.name):
            super()._send(sender, to, frame)

    def _post(self, sender: Host, poster: str, post: bytes) -> None:
        edge = self._edges.get(sender.name)
        self._soon(edge.post_departure(poster, self.now) if edge else self.now, self._retain, sender, poster, post)

    def _retain(self, sender: Host, poster: str, post: bytes) -> None:
        if not self._is_gone(sender) and not self._is_offline(sender.name):
            self.board[poster] = post
            super()._post(sender, poster, post)

    def _soon(self, at: float, action: Callable[..., None], *arguments: object) -> None:
        """At once, if that is now: so what is not late is in the order of a run without faults."""
        if at > self.now:
            self._at_end(at, action, *arguments)
        else:
            action(*arguments)

    def _deliver(self, receiver: Host, sender: str, frame: bytes) -> None:
        cut = self._is_offline(receiver.name) or self._is_offline(sender)
        if not self._is_gone(receiver) and not cut and self._heals_at(receiver, sender) <= self.now:
            super()._deliver(receiver, sender, frame)

    def _deliver_post(self, reader: Host, poster: str, post: bytes) -> None:
        sender = host_of(poster)
        if self._is_gone(reader) or self._is_offline(reader.name) or self._is_offline(sender):
            return
        if (heals_at := self._heals_at(reader, sender)) > self.now:
            self._hold(heals_at, reader, poster, self._read_board)
        else:
            super()._deliver_post(reader, poster, post)

    def _read_board(self, reader: Host, poster: str) -> None:
        if poster in self.board:
            self._deliver_post(reader, poster, self.board[poster])

    def _tell_offline(self, reader: Host, name: str) -> None:
        if self._is_gone(reader) or self._is_offline(reader.name):
            return
        if (heals_at := self._heals_at(reader, name)) > self.now:
            self._hold(heals_at, reader, name, self._read_presence)
        else:
            reader.peer_offline(self.now, name)
            self._collect(reader)

    def _read_presence(self, reader: Host, name: str) -> None:
        if name in self.dead:
            self._tell_offline(reader, name)

    def _hold(self, until: float, reader: Host, what: str, then: Callable[[Host, str], None]) -> None:
        """Only what is newest at the heal is delivered then, as from a broker that retains it."""
        if (reader.name, what) not in self._held:
            self._held.add((reader.name, what))
            self._at_end(until, self._release, reader, what, then)

    def _release(self, reader: Host, what: str, then: Callable[[Host, str], None]) -> None:
        if not self._is_gone(reader):
            self._held.discard((reader.name, what))
            then(reader, what)
