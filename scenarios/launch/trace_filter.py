"""Which records count that hosts publish: those that their nodes can tell (docs/protocol.md, section 2)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import get_args

import msgspec

from node.protocol.topics import address, is_address
from node.protocol.trace import NodeAddress, Record, Trace
from node.runtime.mqtt.host import TraceBatch
from scenarios.launch.placement import Placement
from scenarios.markets.base import Market
from scenarios.markets.kind import MarketKind

MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises, whatever the bytes."""


class TraceFilter:
    """Reads the batches of the hosts of one run, record by record, so that a bad one spoils no other.

    A record counts if its node lives on the host that tells it, if a node of its role tells such, and if all its
    numbers are in range. Nodes that the run does not know, all of them without market and placement, may tell anything
    of themselves.

    Attributes
    ----------
    dropped
        How many records of each host did not count; a batch that cannot be read is one.
    """

    def __init__(self, kind: MarketKind, market: Market | None = None, placement: Placement | None = None) -> None:
        self._batches = msgspec.msgpack.Decoder(TraceBatch[msgspec.Raw])
        self._records: msgspec.msgpack.Decoder[Record[Trace]] = msgspec.msgpack.Decoder(Record[kind.records])  # type: ignore[name-defined]
        self._homes = {node: address(host, node) for node, host in (placement or {}).items()}
        self._known = frozenset(self._homes.values())
        self._kinds = _kinds_by_address(kind.tells(market) if market else {}, self._homes)
        self._peers = {one: _peers(one) for one in get_args(kind.records)}
        self.dropped: Counter[str] = Counter()

    def read(self, host: str, payload: bytes) -> TraceBatch[Record[Trace]] | None:
        """What counts of a batch; None if it is none."""
        try:
            batch = self._batches.decode(payload)
        except MALFORMED:
            self.dropped[host] += 1
            return None
        return TraceBatch(batch.counters, self._admitted(host, batch.records))

    def _admitted(self, host: str, lines: Iterable[msgspec.Raw]) -> list[Record[Trace]]:
        found = []
        for line in lines:
            try:
                record = self._records.decode(line)
            except MALFORMED:
                self.dropped[host] += 1
                continue
            if self._is_told_by(host, record):
                found.append(record)
            else:
                self.dropped[host] += 1
        return found

    def _is_told_by(self, host: str, record: Record[Trace]) -> bool:
        of_host, _, node = record.node.partition("/")
        if of_host != host or self._homes.get(node, record.node) != record.node or not self._is_address(record.node):
            return False
        kinds = self._kinds.get(record.node)
        if kinds is not None and type(record.what) not in kinds:
            return False
        peers = [getattr(record.what, field) for field in self._peers[type(record.what)]]
        return all(peer is None or self._is_address(peer) for peer in peers)

    def _is_address(self, text: str) -> bool:
        return text in self._known or is_address(text)


def _kinds_by_address(tells: Mapping[str, UnionType], homes: Mapping[str, str]) -> dict[str, frozenset[type[Trace]]]:
    """By address, the kinds of records that the node tells; those of one role share one set."""
    kinds = {union: frozenset(get_args(union) or (union,)) for union in tells.values()}
    return {homes[node]: kinds[union] for node, union in tells.items()}


def _peers(kind: type[Trace]) -> list[str]:
    """The fields of a record that hold addresses of other nodes."""
    return [field.name for field in msgspec.structs.fields(kind) if field.type in (NodeAddress, NodeAddress | None)]
