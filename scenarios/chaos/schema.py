"""What the table ``[chaos]`` of a scenario may say, in either market (docs/scenarios.md)."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np

from node.runtime.faults.plan import Fault
from scenarios.errors import ScenarioError
from scenarios.files.names import check_known
from scenarios.files.types import Loss, Names, PositiveSeconds, Seconds, Share, Table, meaning

_Skew = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
_Few = Annotated[int, msgspec.Meta(ge=0, le=1000)]
_PerMinute = Annotated[float, msgspec.Meta(gt=0.0, le=60.0)]
_At = Annotated[Seconds, meaning("it begins so long after the market opened")]
_For = Annotated[PositiveSeconds, meaning("it lasts so long")]
_Nodes = Annotated[Names, meaning("names of users")]
_Within = Annotated[Seconds, meaning("the latest that it comes about, after the last fault or the opening")]
_After = Annotated[Literal["heal", "opening"], meaning("counted from the end of the last fault, or from the opening")]


class Struck(NamedTuple):
    """Whom faults may strike.

    Attributes
    ----------
    placement
        Node name to host name.
    churning
        The users of whom ``churn`` takes a share.
    """

    placement: Mapping[str, str]
    churning: Sequence[str]

    @property
    def hosts(self) -> list[str]:
        """All hosts, each once."""
        return list(dict.fromkeys(self.placement.values()))

    def hosts_of(self, nodes: Iterable[str]) -> frozenset[str]:
        """The hosts that carry these users."""
        return frozenset(self.placement[node] for node in nodes)


class _Fault(Table, frozen=True, tag_field="kind"):
    """Something that goes wrong."""

    @property
    def named(self) -> Sequence[str]:
        """The users that the table names."""
        return ()

    def check_users(self, key: str, users: Sequence[str]) -> None:
        """ScenarioError, naming ``key`` and value, if it names somebody who is not one of the ``users``."""
        check_known(f"{key}.nodes", self.named, dict.fromkeys(users), "user")


class DelaySpike(_Fault, frozen=True, kw_only=True, tag="delay-spike"):
    """Frames of these users' hosts, or of all, take so much longer."""

    at_s: _At
    for_s: _For
    extra_delay_s: Annotated[PositiveSeconds, meaning("what their hosts send, and frames to them, leave so much later")]
    nodes: Annotated[Names | None, meaning("names of users; all if left out")] = None

    @property
    def named(self) -> Sequence[str]:
        """The users that the table names."""
        return self.nodes or ()

    @property
    def lasts_s(self) -> float:
        """How long, seconds."""
        return self.for_s

    def faults(self, key: str, struck: Struck, random: np.random.Generator) -> Iterator[Fault]:
        """The one."""
        del key, random
        hosts = struck.hosts_of(self.named)
        yield Fault("delay-spike", self.at_s, self.at_s + self.for_s, hosts, self.extra_delay_s)


class Partition(_Fault, frozen=True, kw_only=True, tag="partition"):
    """The hosts of these users are cut off from all others."""

    at_s: _At
    for_s: _For
    nodes: _Nodes

    @property
    def named(self) -> Sequence[str]:
        """The users that the table names."""
        return self.nodes

    @property
    def lasts_s(self) -> float:
        """How long, seconds."""
        return self.for_s

    def check_users(self, key: str, users: Sequence[str]) -> None:
        """Moreover, there must be somebody left to cut them off from."""
        super().check_users(key, users)
        if set(self.nodes) >= set(users):
            raise ScenarioError(f"{key}.nodes names all users: there is nobody to cut them off from; name some of them")

    def faults(self, key: str, struck: Struck, random: np.random.Generator) -> Iterator[Fault]:
        """The one; ScenarioError, naming ``key``, if it has all hosts on one side."""
        del random
        hosts = struck.hosts_of(self.nodes)
        if hosts >= set(struck.hosts):
            raise ScenarioError(
                f"{key}.nodes: these users share hosts with all others, so nothing can cut them off: "
                "add --connections per-node, which makes every user a host of its own"
            )
        yield Fault("partition", self.at_s, self.at_s + self.for_s, hosts)


class Crash(_Fault, frozen=True, kw_only=True, tag="crash"):
    """The hosts of these users die without a word, and start again from their journals, if ever."""

    at_s: _At
    for_s: Annotated[
        PositiveSeconds | None, meaning("so long after that they start again from their journals; never if left out")
    ] = None
    nodes: _Nodes

    @property
    def named(self) -> Sequence[str]:
        """The users that the table names."""
        return self.nodes

    @property
    def lasts_s(self) -> float:
        """How long, seconds; one that never ends is over at once."""
        return self.for_s or 0.0

    def faults(self, key: str, struck: Struck, random: np.random.Generator) -> Iterator[Fault]:
        """The one."""
        del key, random
        until_s = math.inf if self.for_s is None else self.at_s + self.for_s
        yield Fault("crash", self.at_s, until_s, struck.hosts_of(self.nodes))


class BrokerCrash(_Fault, frozen=True, kw_only=True, tag="broker-crash"):
    """The broker dies with all it retains, and starts again empty."""

    at_s: _At
    for_s: Annotated[PositiveSeconds, meaning("so long after that it is back on its port")]

    @property
    def lasts_s(self) -> float:
        """How long, seconds."""
        return self.for_s

    def faults(self, key: str, struck: Struck, random: np.random.Generator) -> Iterator[Fault]:
        """The one."""
        del key, struck, random
        yield Fault("broker-crash", self.at_s, self.at_s + self.for_s)


class ClockSkew(_Fault, frozen=True, kw_only=True, tag="clock-skew"):
    """The clocks of these users are fast by so much, or slow."""

    at_s: _At
    for_s: _For
    nodes: _Nodes
    skew_s: Annotated[_Skew, meaning("their clocks are so much fast; below 0: slow")]

    @property
    def named(self) -> Sequence[str]:
        """The users that the table names."""
        return self.nodes

    @property
    def lasts_s(self) -> float:
        """How long, seconds."""
        return self.for_s

    def faults(self, key: str, struck: Struck, random: np.random.Generator) -> Iterator[Fault]:
        """The one."""
        del key, random
        yield Fault("clock-skew", self.at_s, self.at_s + self.for_s, struck.hosts_of(self.nodes), self.skew_s)


class Churn(_Fault, frozen=True, kw_only=True, tag="churn"):
    """So large a share of the buyers, or terminals, crashes every minute; each is back after ``away_s``."""

    at_s: _At
    for_s: _For
    share_per_minute: Annotated[_PerMinute, meaning("share of the buyers, or terminals, that crash per minute")]
    away_s: Annotated[PositiveSeconds, meaning("each is back after so long")]

    @property
    def lasts_s(self) -> float:
        """How long at the most, until the last is back, seconds."""
        return self.for_s + self.away_s

    def faults(self, key: str, struck: Struck, random: np.random.Generator) -> Iterator[Fault]:
        """Crashes of each user as a Poisson stream, in which nobody crashes who is away."""
        del key
        for user in struck.churning:
            yield from self._crashes(struck.placement[user], random)

    def _crashes(self, host: str, random: np.random.Generator) -> Iterator[Fault]:
        pause_s = 60.0 / self.share_per_minute
        at_s = self.at_s + random.exponential(pause_s)
        while at_s < self.at_s + self.for_s:
            yield Fault("crash", at_s, at_s + self.away_s, frozenset({host}))
            at_s += self.away_s + random.exponential(pause_s)


class RandomFaults(_Fault, frozen=True, kw_only=True, tag="random"):
    """So many partitions and crashes of hosts drawn by the seed, all of which are over ``within_s`` after ``at_s``."""

    at_s: Annotated[Seconds, meaning("none is earlier after the market opened")] = 0.0
    within_s: Annotated[PositiveSeconds, meaning("all are over so long after that")]
    partitions: Annotated[_Few, meaning("how many partitions of single hosts are drawn")] = 1
    crashes: Annotated[_Few, meaning("how many crashes of single hosts are drawn")] = 2

    @property
    def lasts_s(self) -> float:
        """How long at the most, seconds."""
        return self.within_s

    def faults(self, key: str, struck: Struck, random: np.random.Generator) -> Iterator[Fault]:
        """Those drawn; with one host there is nothing to part."""
        del key
        hosts = struck.hosts
        for _ in range(self.partitions if len(hosts) > 1 else 0):
            size = int(random.integers(1, len(hosts)))
            group = frozenset(hosts[k] for k in random.choice(len(hosts), size, replace=False))
            yield Fault("partition", *self._span(random), group)
        for _ in range(self.crashes):
            yield Fault("crash", *self._span(random), frozenset({hosts[int(random.integers(len(hosts)))]}))

    def _span(self, random: np.random.Generator) -> tuple[float, float]:
        start, end = sorted(self.at_s + self.within_s * random.random(2))
        return float(start), float(end)


FaultTable = DelaySpike | Partition | Crash | BrokerCrash | ClockSkew | Churn | RandomFaults


class ExpectQuiet(Table, frozen=True, kw_only=True, tag_field="kind", tag="quiescent"):
    """Nobody bids any more so long after the last fault, or the opening."""

    within_s: _Within
    after: _After = "heal"


class ExpectSettled(Table, frozen=True, kw_only=True, tag_field="kind", tag="settled"):
    """The run is settled so long after the last fault, or the opening."""

    within_s: _Within
    after: _After = "heal"


class ExpectEfficiency(Table, frozen=True, kw_only=True, tag_field="kind", tag="efficiency"):
    """The share of the optimum that is reached is at least so large."""

    at_least: Annotated[Share, meaning("share of the optimum that must be reached")]


ExpectTable = ExpectQuiet | ExpectSettled | ExpectEfficiency


class ChaosTable(Table, frozen=True, kw_only=True):
    """What goes wrong in a run, all the time and at given times, and what is expected in spite of it.

    With ``auctions_wait`` no auction is awarded before the last fault has had a quiet period to be answered.
    """

    loss: Annotated[
        Loss, meaning("share of frames that never leave their host; a lost post on the board comes 0.2 s late")
    ] = 0.0
    duplication: Annotated[Share, meaning("share of frames that leave twice")] = 0.0
    reordering: Annotated[Share, meaning("share of frames that leave late, so that later ones overtake them")] = 0.0
    reordering_delay_s: Annotated[Seconds, meaning("how late such frames leave at the most")] = 0.0
    auctions_wait: Annotated[
        bool, meaning("no auction is awarded before the last fault has had a quiet period to be answered")
    ] = True
    faults: Annotated[list[FaultTable], meaning("what goes wrong at given times")] = msgspec.field(default_factory=list)
    expect: Annotated[list[ExpectTable], meaning("what must hold in spite of it")] = msgspec.field(default_factory=list)
