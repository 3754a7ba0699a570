"""Faults of the world ``sim``, planned or on demand: crashes, restarts, cuts, lost frames, a broker that dies."""

import math
from collections.abc import Callable

from node.protocol.host import Host
from node.protocol.topics import host_of
from node.runtime.faults.plan import Edge, Fault, FaultBegun, FaultHealed, FaultRecord, Plan, Span, fault_record
from node.runtime.sim.simulation import Simulation
from node.runtime.streams import stream

LONGEST_RECONNECTION_S = 0.5
"""Hosts find a broker that is back within so many seconds, each after a time of its own."""

Rebuild = Callable[[str], Host]
"""Makes a fresh process of the host of that name."""


class FaultInjector:
    """Carries out a plan of faults in a simulation; tests also call ``crash``, ``cut_off`` and the like themselves.

    Parameters
    ----------
    plan
        What goes wrong by itself; without one nothing does.
    rebuild
        What brings back a host that crashed by the plan.

    Attributes
    ----------
    dead, cut
        Hosts that have crashed, and that are cut off from the broker.
    board
        The newest post of every poster, as the broker retains it.
    """

    _simulation: Simulation

    def __init__(self, plan: Plan | None = None, rebuild: Rebuild | None = None) -> None:
        self.dead: set[str] = set()
        self.cut: set[str] = set()
        self.board: dict[str, bytes] = {}
        self._plan = plan
        self._rebuild = rebuild
        self._edges: dict[str, Edge] = {}
        self._coming_back: set[str] = set()
        self._back_at: dict[str, float] = {}
        self._broker_back_at = 0.0
        self._held: set[tuple[str, str]] = set()

    # On demand

    def crash(self, name: str) -> None:
        """The host falls silent for ever, and its last will tells everybody."""
        self.dead.add(name)
        self._simulation.look_again()
        self.tell_offline(name)

    def tell_offline(self, name: str) -> None:
        """Send the last will of the host to all others."""
        for host in list(self._simulation.hosts.values()):
            if host.name != name:
                self._tell_offline(host, name, self._simulation.lives[name])

    def cut_off(self, name: str) -> None:
        """Nothing reaches the host, and nothing leaves it, until it is back; nobody is told."""
        self.cut.add(name)

    def reconnect(self, name: str) -> None:
        """The host has found the broker again, and says everything anew."""
        self.cut.discard(name)
        host = self._simulation.hosts[name]
        host.reconnected(self._simulation.now)
        self._simulation.collect(host)

    def restart(self, host: Host) -> None:
        """A process of the same name takes the place of a crashed host; it finds what is on the board."""
        self.dead.discard(host.name)
        self._held = {held for held in self._held if held[0] != host.name}
        self._simulation.replace(host)
        for poster, post in list(self.board.items()):
            self._simulation.deliver_post(host, poster, post)
        for name in sorted(self.dead):
            self._tell_offline(host, name, self._simulation.lives[name])

    # As planned

    def attach(self, simulation: Simulation) -> None:
        """Take part in this simulation."""
        self._simulation = simulation
        if plan := self._plan:
            self._edges = {name: Edge(name, plan, stream(simulation.seed, name, "faults")) for name in simulation.hosts}

    def begin(self) -> None:
        """The market has just opened: schedule the plan."""
        simulation, plan = self._simulation, self._plan or Plan()
        opened_at = simulation.now
        for edge in self._edges.values():
            edge.opened_at = opened_at
        for fault in plan.faults:
            self._plan_words(fault)
        for name in simulation.hosts:
            for span in plan.crashes({name}):
                self._plan_crash(name, span)
        for start, end in plan.broker_crashes():
            simulation.planned(opened_at + start, self._break_broker, opened_at + end)

    def add(self, fault: Fault) -> None:
        """Carry out a partition or a crash that was not in the plan, and that is still to begin, as if it had been."""
        self._plan_words(fault)
        for edge in self._edges.values():
            edge.add(fault)
        if fault.kind == "crash":
            for name in self._simulation.hosts:
                if name in fault.hosts:
                    self._plan_crash(name, (fault.at_s, fault.until_s))

    def _plan_words(self, fault: Fault) -> None:
        self._planned(fault.at_s, self._say, FaultBegun, fault)
        self._planned(fault.until_s, self._say, FaultHealed, fault)

    def _plan_crash(self, name: str, span: Span) -> None:
        start, end = span
        self._planned(start, self._crash, name, end < math.inf)
        self._planned(end, self._come_back, name)

    def _planned(self, at_s: float, action: Callable[..., None], *arguments: object) -> None:
        if at_s < math.inf:
            self._simulation.planned(self._simulation.opened_at + at_s, action, *arguments)

    def _at_end(self, time_s: float, action: Callable[..., None], *arguments: object) -> None:
        if time_s < math.inf:
            self._simulation.at(time_s, action, *arguments)

    def _say(self, kind: type[FaultRecord], fault: Fault) -> None:
        self._simulation.sink([fault_record(self._simulation.now, kind, fault)])

    def _crash(self, name: str, comes_back: bool) -> None:  # noqa: FBT001 - an action of the plan
        simulation = self._simulation
        self.dead.add(name)
        simulation.look_again()
        if comes_back:
            self._coming_back.add(name)
        life = simulation.lives[name]
        if not self._is_offline(name):  # a host without a connection has no last will that the broker could send
            for host in simulation.hosts.values():
                if host.name != name:
                    simulation.at(simulation.now + simulation.delay(), self._tell_offline, host, name, life)

    def _come_back(self, name: str) -> None:
        assert self._rebuild is not None
        simulation = self._simulation
        if self._broker_back_at > simulation.now:
            simulation.at(self._reconnection(), self._come_back, name)
            return
        self._coming_back.discard(name)
        self._back_at.pop(name, None)
        host = self._rebuild(name)
        self.restart(host)
        simulation.at(simulation.now + simulation.delay(), self._open, host)

    def _open(self, host: Host) -> None:
        if not self._is_gone(host):
            host.open(self._simulation.now)
            self._simulation.collect(host)

    def _break_broker(self, back_at: float) -> None:
        """What is on its way and what is retained is lost, and no host has a turn until it is connected again."""
        self._broker_back_at = back_at
        self.board.clear()
        for name in self._simulation.hosts:
            self._back_at[name] = at = self._reconnection()
            self._at_end(at, self._find_broker, name, at)

    def _reconnection(self) -> float:
        return self._broker_back_at + LONGEST_RECONNECTION_S * self._simulation.draw()

    def _find_broker(self, name: str, at: float) -> None:
        if self._back_at.get(name) == at and name not in self.dead:
            del self._back_at[name]
            self.reconnect(name)

    # What the simulation asks

    def rests(self, host: Host) -> bool:
        """Whether the host will do nothing more. A crashed host rests, unless the plan restarts it."""
        return host.name not in self._coming_back if host.name in self.dead else host.finished

    def wakes_at(self, host: Host) -> float:
        """When the host can have a turn; one without a broker has none, and one that crashed never again."""
        return math.inf if self._is_gone(host) else max(self._simulation.now, self._back_at.get(host.name, 0.0))

    def hears(self, reader: Host, sender: str) -> bool:
        """Whether what the host ``sender`` has sent reaches the reader now."""
        return self._is_reached(reader, sender) and self._heals_at(reader, sender) <= self._simulation.now

    def missed(self, reader: Host, poster: str) -> None:
        """Have a post that a partition kept from the reader read from the board at the heal."""
        sender = host_of(poster)
        if self._is_reached(reader, sender):
            self._hold(self._heals_at(reader, sender), reader, poster, self._read_board)

    def send(self, sender: Host, to: str, frame: bytes) -> None:
        """Let the copies of a frame leave when the plan has them leave."""
        edge = self._edges.get(sender.name)
        if edge is None:
            self._simulation.send(sender, to, frame)
            return
        for at in edge.departures(to, self._simulation.now):
            self._when_due(at, self._leave, sender, to, frame)

    def post(self, sender: Host, poster: str, post: bytes) -> None:
        """Let a post leave, and be retained, when the plan has it leave."""
        edge, now = self._edges.get(sender.name), self._simulation.now
        self._when_due(edge.post_departure(poster, now) if edge else now, self._retain, sender, poster, post)

    def _leave(self, sender: Host, to: str, frame: bytes) -> None:
        if not self._is_gone(sender) and not self._is_offline(sender.name):
            self._simulation.send(sender, to, frame)

    def _retain(self, sender: Host, poster: str, post: bytes) -> None:
        if not self._is_gone(sender) and not self._is_offline(sender.name):
            self.board[poster] = post
            self._simulation.post(poster, post)

    def _when_due(self, at: float, action: Callable[..., None], *arguments: object) -> None:
        """Run now if due, else schedule; keeps what is not late in the order of a run without faults."""
        if at > self._simulation.now:
            self._at_end(at, action, *arguments)
        else:
            action(*arguments)

    # Who reaches whom

    def _is_gone(self, host: Host) -> bool:
        return host.name in self.dead or host is not self._simulation.hosts[host.name]

    def _is_offline(self, name: str) -> bool:
        return name in self.cut or self._simulation.now < self._back_at.get(name, 0.0)

    def _is_reached(self, reader: Host, sender: str) -> bool:
        """Whether the reader runs, and both hosts have the broker."""
        return not (self._is_gone(reader) or self._is_offline(reader.name) or self._is_offline(sender))

    def _heals_at(self, receiver: Host, other: str) -> float:
        """When the receiver can hear the other host; now, if it can."""
        edge, now = self._edges.get(receiver.name), self._simulation.now
        return edge.heals_at(other, now) if edge else now

    def _read_board(self, reader: Host, poster: str) -> None:
        if poster in self.board:
            self._simulation.deliver_post(reader, poster, self.board[poster])

    def _tell_offline(self, reader: Host, name: str, life: bytes) -> None:
        if self._is_gone(reader) or self._is_offline(reader.name):
            return
        if (heals_at := self._heals_at(reader, name)) > self._simulation.now:
            self._hold(heals_at, reader, name, self._read_presence)
        else:
            reader.peer_offline(self._simulation.now, name, life)
            self._simulation.collect(reader)

    def _read_presence(self, reader: Host, name: str) -> None:
        if name in self.dead:
            self._tell_offline(reader, name, self._simulation.lives[name])

    def _hold(self, until: float, reader: Host, what: str, then: Callable[[Host, str], None]) -> None:
        """At the heal deliver the newest post or presence only, as a broker does that retains it."""
        if (reader.name, what) not in self._held:
            self._held.add((reader.name, what))
            self._at_end(until, self._release, reader, what, then)

    def _release(self, reader: Host, what: str, then: Callable[[Host, str], None]) -> None:
        if not self._is_gone(reader):
            self._held.discard((reader.name, what))
            then(reader, what)
