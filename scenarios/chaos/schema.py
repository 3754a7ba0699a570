"""What the table ``[chaos]`` of a scenario may say, in either market (docs/scenarios.md)."""

from typing import Annotated, Literal

import msgspec

from scenarios.files.types import Loss, Names, PositiveSeconds, Seconds, Share, Table

_Skew = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
_Few = Annotated[int, msgspec.Meta(ge=0, le=1000)]
_PerMinute = Annotated[float, msgspec.Meta(gt=0.0, le=60.0)]


class DelaySpike(Table, frozen=True, kw_only=True, tag_field="kind", tag="delay-spike"):
    """Frames of these users' hosts, or of all, take so much longer."""

    at_s: Seconds
    for_s: PositiveSeconds
    extra_delay_s: PositiveSeconds
    nodes: Names | None = None


class Partition(Table, frozen=True, kw_only=True, tag_field="kind", tag="partition"):
    """The hosts of these users are cut off from all others."""

    at_s: Seconds
    for_s: PositiveSeconds
    nodes: Names


class Crash(Table, frozen=True, kw_only=True, tag_field="kind", tag="crash"):
    """The hosts of these users die without a word, and start again from their journals, if ever."""

    at_s: Seconds
    for_s: PositiveSeconds | None = None
    nodes: Names


class BrokerCrash(Table, frozen=True, kw_only=True, tag_field="kind", tag="broker-crash"):
    """The broker dies with all it retains, and starts again empty."""

    at_s: Seconds
    for_s: PositiveSeconds


class ClockSkew(Table, frozen=True, kw_only=True, tag_field="kind", tag="clock-skew"):
    """The clocks of these users are fast by so much, or slow."""

    at_s: Seconds
    for_s: PositiveSeconds
    nodes: Names
    skew_s: _Skew


class Churn(Table, frozen=True, kw_only=True, tag_field="kind", tag="churn"):
    """So large a share of the buyers, or terminals, crashes every minute; each is back after ``away_s``."""

    at_s: Seconds
    for_s: PositiveSeconds
    share_per_minute: _PerMinute
    away_s: PositiveSeconds


class RandomFaults(Table, frozen=True, kw_only=True, tag_field="kind", tag="random"):
    """So many partitions and crashes of hosts drawn by the seed, all of which are over ``within_s`` after ``at_s``."""

    at_s: Seconds = 0.0
    within_s: PositiveSeconds
    partitions: _Few = 1
    crashes: _Few = 2


FaultTable = DelaySpike | Partition | Crash | BrokerCrash | ClockSkew | Churn | RandomFaults


class ExpectQuiet(Table, frozen=True, kw_only=True, tag_field="kind", tag="quiescent"):
    """Nobody bids any more so long after the last fault, or the opening."""

    within_s: Seconds
    after: Literal["heal", "opening"] = "heal"


class ExpectSettled(Table, frozen=True, kw_only=True, tag_field="kind", tag="settled"):
    """The run is settled so long after the last fault, or the opening."""

    within_s: Seconds
    after: Literal["heal", "opening"] = "heal"


class ExpectEfficiency(Table, frozen=True, kw_only=True, tag_field="kind", tag="efficiency"):
    """The share of the optimum that is reached is at least so large."""

    at_least: Share


ExpectTable = ExpectQuiet | ExpectSettled | ExpectEfficiency


class ChaosTable(Table, frozen=True, kw_only=True):
    """What goes wrong in a run, all the time and at given times, and what is expected in spite of it.

    With ``auctions_wait`` no auction is awarded before the last fault has had a quiet period to be answered.
    """

    loss: Loss = 0.0
    duplication: Share = 0.0
    reordering: Share = 0.0
    reordering_delay_s: Seconds = 0.0
    auctions_wait: bool = True
    faults: list[FaultTable] = msgspec.field(default_factory=list)
    expect: list[ExpectTable] = msgspec.field(default_factory=list)
