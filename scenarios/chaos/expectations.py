"""What a scenario expects in spite of its faults, checked against what happened."""

import math
from collections.abc import Iterable, Iterator

import msgspec

from node.protocol.topics import node_of
from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import FaultBegun, FaultHealed
from scenarios.chaos.schema import ExpectEfficiency, ExpectQuiet, ExpectSettled, ExpectTable


class FaultRow(msgspec.Struct, frozen=True):
    """A fault that happened: from when to when, seconds since the market opened; null where it was not over."""

    kind: str
    hosts: list[str]
    at_s: float
    until_s: float | None


class Expectation(msgspec.Struct, frozen=True):
    """What was expected, whether it held, and the figure that decided; null where there is none."""

    expectation: str
    held: bool
    figure: float | None


class Ending(msgspec.Struct, frozen=True):
    """What expectations are about; ``last_move_s`` and ``efficiency`` where the market has such."""

    settled: bool
    duration_s: float
    last_move_s: float = math.nan
    efficiency: float = math.nan


class FaultLog:
    """Takes the faults out of a trace.

    Attributes
    ----------
    rows
        Those so far.
    """

    def __init__(self) -> None:
        self.rows: list[FaultRow] = []

    def without_faults(self, records: Iterable[Record[Trace]]) -> Iterator[Record[Trace]]:
        """The other records."""
        for record in records:
            what = record.what
            if type(what) is FaultBegun:
                self.rows.append(FaultRow(node_of(record.node), what.hosts, record.time_s, None))
            elif type(what) is FaultHealed:
                self._healed(node_of(record.node), what.hosts, record.time_s)
            else:
                yield record

    def _healed(self, kind: str, hosts: list[str], time_s: float) -> None:
        for k, row in enumerate(self.rows):
            if (row.kind, row.hosts, row.until_s) == (kind, hosts, None):
                self.rows[k] = msgspec.structs.replace(row, until_s=time_s)
                return

    @property
    def down(self) -> set[str]:
        """Hosts that were killed and did not come back."""
        return {host for row in self.rows if row.kind == "crash" and row.until_s is None for host in row.hosts}

    @property
    def heal_s(self) -> float:
        """End of the last fault, seconds since the market opened; a fault that never ends counts with its begin."""
        return max((row.at_s if row.until_s is None else row.until_s for row in self.rows), default=0.0)


def checked(tables: Iterable[ExpectTable], ending: Ending, heal_s: float) -> list[Expectation]:
    """Every expectation, held or broken."""
    return [_checked(table, ending, heal_s) for table in tables]


def _checked(table: ExpectTable, ending: Ending, heal_s: float) -> Expectation:
    match table:
        case ExpectEfficiency(at_least=at_least):
            share = ending.efficiency
            return Expectation(f"efficiency of at least {at_least:g}", share >= at_least, share)
        case ExpectQuiet(within_s=within_s, after=after):
            start = heal_s if after == "heal" else 0.0
            seen = ending.settled or ending.duration_s >= start + within_s
            held = seen and ending.last_move_s <= start + within_s
            return Expectation(f"quiescent within {within_s:g} s of the {after}", held, ending.last_move_s - start)
        case ExpectSettled(within_s=within_s, after=after):
            start = heal_s if after == "heal" else 0.0
            took_s = ending.duration_s - start
            held = ending.settled and took_s <= within_s
            return Expectation(
                f"settled within {within_s:g} s of the {after}", held, took_s if ending.settled else None
            )
