"""Which records of a batch count: what a node told counts on its own host, and nothing else does."""

import math
from dataclasses import replace
from typing import Any

import msgpack
import msgspec
import pytest

from node.protocol.psp.trace import (
    Allocated,
    BidPlaced,
    Cleared,
    PurchaseReceived,
    Reopened,
    SaleSettled,
    ValuationRevised,
)
from node.protocol.trace import Leaving, Record, Trace
from node.runtime.mqtt.host import TraceBatch
from scenarios.launch.placement import one_host_each, spread
from scenarios.launch.simulated import run_simulated
from scenarios.launch.trace_filter import TraceFilter
from scenarios.markets.base import anything
from scenarios.markets.load import load, parse
from scenarios.markets.registry import draw_market, kind_of

TABLES: dict[str, Any] = {
    "name": "mixed",
    "sellers": [{"name": "big", "supply_mb": 60}, {"name": "shop", "device": "shop", "supply_mb": 40}],
    "buyers": [
        {"name": "ann", "count": 2, "valuation": {"kind": "flat", "demand_mb": 50, "value_per_mb": 2}},
        {"name": "bob", "device": "phone", "valuation": {"kind": "flat", "demand_mb": 50, "value_per_mb": 2}},
    ],
}
MARKET = draw_market(parse(TABLES, "mixed"), 1)
KIND = kind_of(MARKET)
PLACEMENT = spread(MARKET, 2)


@pytest.fixture
def sieve() -> TraceFilter:
    return TraceFilter(KIND, MARKET, PLACEMENT)


def batch(*records: Any, counters: Any = None) -> bytes:
    lines = [msgspec.Raw(one) if isinstance(one, bytes) else one for one in records]
    return msgspec.msgpack.encode([{} if counters is None else counters, lines])


def says(node: str, what: Trace, time_s: float = 1.0) -> Record[Trace]:
    return Record(time_s, node, what)


class Log:
    """Keeps what it is told to write."""

    def __init__(self) -> None:
        self.records: list[Record[Trace]] = []

    def write(self, records: list[Record[Trace]]) -> None:
        self.records += records


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("two-sellers", []),
        ("chaos", []),
        ("neighbourhood", ["buyers.0.count=8", "sellers.0.count=3"]),
        ("market-shift", []),
        ("congested", ["terminals.0.calls=3"]),
        ("network-selection", ["terminals.0.calls=3"]),
    ],
)
def test_all_that_honest_nodes_tell_counts(name: str, settings: list[str]) -> None:
    market = draw_market(load(name, settings), 1)
    log, kind, placement = Log(), kind_of(market), one_host_each(market)
    run_simulated(market, kind.metrics(market), 60.0, log, lambda *_: None)  # type: ignore[arg-type]
    told = [record for record in log.records if not record.node.startswith("chaos/")]
    sieve = TraceFilter(kind, market, placement)
    for record in told:
        read = sieve.read(record.node.partition("/")[0], msgspec.msgpack.encode(TraceBatch({}, [record])))
        assert read == TraceBatch({}, [record])
    assert not sieve.dropped
    assert len({record.kind for record in told}) > 5


@pytest.mark.parametrize(
    ("host", "record"),
    [
        ("shop", says("shop/shop", Cleared(1, 2, 5.0, 1.0, 5.0))),
        ("shop", says("shop/shop", SaleSettled("phone/bob", 1, 5.0, 1.0))),
        ("shop", says("shop/shop", SaleSettled("elsewhere/ann-1", 1, 5.0, 1.0))),
        ("shop", says("shop/shop", Leaving(), 1.8e9)),
        ("phone", says("phone/bob", PurchaseReceived("host-1/big", 1, 5.0, 1.0))),
        ("host-1", says("host-1/big", Allocated("phone/bob", 1, 0.0, 0.0))),
        ("host-2", says("host-2/ann-1", ValuationRevised(2.0))),
        ("phone", says("phone/guest", BidPlaced("shop/shop", 0, 1, 5.0, 1.0))),
        ("phone", says("phone/stall", Cleared(1, 2, 5.0, 1.0, 5.0))),
    ],
)
def test_what_a_node_can_tell_counts(sieve: TraceFilter, host: str, record: Record[Trace]) -> None:
    assert sieve.read(host, batch(record)) == TraceBatch({}, [record])
    assert not sieve.dropped


LIES = {
    "of a node of another host": says("host-1/big", Reopened(1, 5.0)),
    "of another host on its topic": says("shop/shop", Cleared(1, 2, 5.0, 1.0, 5.0)),
    "of a node that lives elsewhere": says("phone/big", Cleared(1, 2, 5.0, 1.0, 5.0)),
    "what only sellers tell": says("phone/bob", SaleSettled("host-1/ann-1", 1, 5.0, 1.0)),
    "what only sellers tell, again": says("phone/bob", Cleared(1, 2, 5.0, 1.0, 5.0)),
    "what is planned for no device": says("phone/bob", ValuationRevised(1e6)),
    "no address of itself": says("bob", Leaving()),
    "an address with more than two parts": says("phone/bob/x", Leaving()),
    "an address with a line break": says("phone/guest\n", Leaving()),
    "no address of another": says("phone/bob", BidPlaced("big", 0, 1, 5.0, 1.0)),
    "NaN": says("phone/bob", BidPlaced("shop/shop", 0, 1, math.nan, 1.0)),
    "infinity": says("phone/bob", BidPlaced("shop/shop", 0, 1, math.inf, 1.0)),
    "a negative amount": says("phone/bob", BidPlaced("shop/shop", 0, 1, 5.0, -1.0)),
    "an amount out of bounds": says("phone/bob", BidPlaced("shop/shop", 0, 1, 1.1e12, 1.0)),
    "a count out of bounds": says("phone/bob", BidPlaced("shop/shop", 2**60, 1, 5.0, 1.0)),
    "a time that is none": says("phone/bob", Leaving(), math.nan),
    "a time out of bounds": says("phone/bob", Leaving(), 1e13),
    "an unknown kind": [1.0, "phone/bob", ["fault", [], 1.0]],
    "a text for a number": ["now", "phone/bob", ["left"]],
    "no record": 7,
    "too few fields": [1.0, "phone/bob"],
    "text that is none": msgpack.packb([1.0, "phone/bob", ["bid"]]).replace(b"bob", b"b\xff\xfe"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_counts_for_nothing_and_spoils_nothing_else(sieve: TraceFilter, lie: Any) -> None:
    right = says("phone/bob", BidPlaced("shop/shop", 0, 1, 5.0, 1.0))
    assert sieve.read("phone", batch(right, lie, right, counters={"sent": 3})) == TraceBatch(
        {"sent": 3}, [right, right]
    )
    assert sieve.dropped == {"phone": 1}


def test_a_role_that_is_played_on_a_host_of_the_launcher_is_no_less_bound(sieve: TraceFilter) -> None:
    sieve.read("host-1", batch(says("host-1/big", BidPlaced("shop/shop", 0, 1, 5.0, 1.0))))
    assert sieve.dropped == {"host-1": 1}


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"\xc1", b"online", batch()[:-1], batch() + b"\x00", msgpack.packb([{}]), msgpack.packb([[], []])),
        batch(b"\x91" * 5_000 + b"\xc0"),
        batch(counters={"sent": -1}),
        batch(counters={"sent": 2**60}),
        batch(counters={"sent": 1.5}),
        batch(counters={"x" * 201: 1}),
        batch(counters={str(k): 1 for k in range(2_001)}),
    ],
)
def test_what_is_no_batch_is_one_that_did_not_count(sieve: TraceFilter, payload: bytes) -> None:
    assert sieve.read("phone", payload) is None
    assert sieve.dropped == {"phone": 1}


def test_a_market_that_does_not_say_who_tells_what_believes_all_kinds() -> None:
    sieve = TraceFilter(replace(KIND, tells=anything), MARKET, PLACEMENT)
    record = says("phone/bob", Cleared(1, 2, 5.0, 1.0, 5.0))
    assert sieve.read("phone", batch(record, says("host-1/big", Leaving()))) == TraceBatch({}, [record])
    assert sieve.dropped == {"phone": 1}
