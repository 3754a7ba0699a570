"""What goes wrong in a run, and what becomes of what a host sends meanwhile (docs/decisions/0010-chaos.md)."""

import math
from collections.abc import Iterable
from typing import Literal

import msgspec
import numpy as np

from node.protocol.trace import Record, Trace

LATE_POST_S = 0.2
"""How much later a lost board post arrives, seconds; the broker retains posts, so none is lost for good."""

FaultKind = Literal["delay-spike", "partition", "crash", "broker-crash", "clock-skew"]

Span = tuple[float, float]
"""From when to when, seconds since the market opened; the end is infinite where it never ends."""


class Steady(msgspec.Struct, frozen=True):
    """What goes wrong all the time.

    Attributes
    ----------
    loss, duplication
        Shares of frames that never leave, and that leave twice.
    reordering
        Share of frames that leave up to ``reordering_delay_s`` later than those after them.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    reordering_delay_s: float = 0.0


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong from ``at_s`` until ``until_s``, seconds since the market opened.

    Attributes
    ----------
    hosts
        Whom it concerns; of a delay spike without any, all.
    amount
        Of a delay spike, by how much frames are late, and of a clock skew, by how much clocks are fast, seconds.
    """

    kind: FaultKind
    at_s: float
    until_s: float
    hosts: frozenset[str] = frozenset()
    amount: float = 0.0


class Plan(msgspec.Struct, frozen=True):
    """All that is to go wrong in one run."""

    steady: Steady = Steady()
    faults: tuple[Fault, ...] = ()

    def of(self, kind: FaultKind) -> list[Fault]:
        """The faults of one kind."""
        return [one for one in self.faults if one.kind == kind]

    def crashes(self, hosts: Iterable[str]) -> list[Span]:
        """When a process that carries these hosts is down."""
        return joined((one.at_s, one.until_s) for one in self.of("crash") if not one.hosts.isdisjoint(hosts))

    def broker_crashes(self) -> list[Span]:
        """When there is no broker."""
        return joined((one.at_s, one.until_s) for one in self.of("broker-crash"))

    def skew(self, host: str, since_s: float) -> float:
        """How fast the clock of a host is, seconds."""
        return sum(
            one.amount for one in self.of("clock-skew") if host in one.hosts and one.at_s <= since_s < one.until_s
        )


class FaultBegun(Trace, frozen=True, tag="fault"):
    """A fault begins; of a delay spike frames are so late, of a clock skew clocks are so fast."""

    hosts: list[str]
    amount_s: float


class FaultHealed(Trace, frozen=True, tag="healed"):
    """A fault is over."""

    hosts: list[str]
    amount_s: float


FaultRecord = FaultBegun | FaultHealed
"""What is told of faults; the second half of the node's address is the kind of fault."""


def fault_record(time_s: float, kind: type[FaultRecord], fault: Fault) -> Record[FaultRecord]:
    """A record that a fault begins, or is over."""
    return Record(time_s, f"chaos/{fault.kind}", kind(sorted(fault.hosts), fault.amount))


def joined(spans: Iterable[Span]) -> list[Span]:
    """Merge spans that overlap or touch; the result is sorted."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


class Edge:
    """Applies a plan of faults to what one host sends and receives; the same in worlds ``sim`` and ``mqtt``.

    Times are those of the world's clock, seconds. Before the market opens only the steady faults are felt.

    Attributes
    ----------
    opened_at
        When the market opened.
    """

    def __init__(self, host: str, plan: Plan, random: np.random.Generator) -> None:
        self.opened_at = math.inf
        self._host = host
        self._steady = plan.steady
        self._spikes = plan.of("delay-spike")
        self._partitions = plan.of("partition")
        self._random = random
        self._last: dict[str, float] = {}

    def add(self, fault: Fault) -> None:
        """Apply a fault more, which is still to begin; of crashes an edge feels nothing."""
        if fault.kind == "partition":
            self._partitions.append(fault)

    def departures(self, to: str, now: float) -> list[float]:
        """When the copies of a frame to that host leave; none where it is lost, or the two are cut off."""
        copies = 2 if self._drawn(self._steady.duplication) else 1
        arriving = [not self._drawn(self._steady.loss) for _ in range(copies)]
        if self.heals_at(to, now) > now:
            return []
        return [self._departure(to, now + self._spike(now, to)) for arrives in arriving if arrives]

    def _departure(self, to: str, at: float) -> float:
        if self._drawn(self._steady.reordering):
            return at + self._steady.reordering_delay_s * self._random.random()
        self._last[to] = at = max(at, self._last.get(to, 0.0))
        return at

    def post_departure(self, poster: str, now: float) -> float:
        """When a board post leaves; never before an earlier one, which would stay on the board for ever."""
        at = now + self._spike(now)
        while self._drawn(self._steady.loss):
            at += LATE_POST_S
        self._last[poster] = at = max(at, self._last.get(poster, 0.0))
        return at

    def heals_at(self, other: str, now: float) -> float:
        """When this host can hear the other again, seconds; ``now`` if it can."""
        at = now
        while cuts := [one.until_s for one in self._partitions if self._is_on(one, at) and self._parts(one, other)]:
            at = self.opened_at + max(cuts)
        return at

    def _parts(self, partition: Fault, other: str) -> bool:
        return (self._host in partition.hosts) != (other in partition.hosts)

    def _spike(self, now: float, *peers: str) -> float:
        return sum(
            one.amount
            for one in self._spikes
            if self._is_on(one, now) and (not one.hosts or not one.hosts.isdisjoint((self._host, *peers)))
        )

    def _is_on(self, fault: Fault, now: float) -> bool:
        return self.opened_at + fault.at_s <= now < self.opened_at + fault.until_s

    def _drawn(self, share: float) -> bool:
        # A share of 0 draws no number, so that removing one fault from a plan does not change the draws of the others.
        return share > 0.0 and self._random.random() < share
