"""What a launcher makes of the traces of devices, and of its own hosts."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from node.protocol.psp.trace import AuctionClosed, BidPlaced, ExchangeRecord, SaleSettled
from node.protocol.trace import Leaving, Record, Trace
from node.runtime.mqtt.host import TraceBatch
from scenarios.markets.load import parse
from scenarios.markets.registry import draw_market
from scenarios.results import trace
from tests.protocol.listeners import MIXED, Launcher

BID = BidPlaced("host-1/big", 0, 1, 5.0, 1.0)


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(draw_market(parse(MIXED, "mixed"), 1), tmp_path / "run")
    yield launcher
    launcher.observer.close()


def hears(launcher: Launcher, now: float, host: str, *records: Record[Trace], sent: int = 1) -> None:
    batch = msgspec.msgpack.encode(TraceBatch({"sent": sent}, list(records)))
    launcher.hears(now, f"bidswarm/v1/m/trace/{host}", batch)


def written(launcher: Launcher) -> list[tuple[float, str]]:
    return [(record.time_s, record.kind) for record in trace.read(launcher.folder, ExchangeRecord)]


def test_what_a_device_tells_is_written_down_and_what_a_worker_writes_is_not(launcher: Launcher) -> None:
    hears(launcher, 5.0, "shop", Record(4.0, "shop/shop", AuctionClosed(1, 0.0, 0.0)))
    hears(launcher, 5.0, "host-1", Record(4.0, "host-1/big", AuctionClosed(1, 0.0, 0.0)))
    assert written(launcher) == [(4.0, "closed")]
    assert launcher.meter.told == {"closed": 2}
    assert launcher.meter.auctions == {"closed": 2}


@pytest.mark.parametrize(("told_s", "right_s"), [(4.5, 4.5), (1e9, 5.0), (5.1, 5.0), (-1e9, 4.0), (3.0, 4.0)])
def test_a_wrong_clock_is_put_right(launcher: Launcher, told_s: float, right_s: float) -> None:
    hears(launcher, 5.0, "peer", Record(4.0, "peer/bob", BID), Record(told_s, "peer/bob", Leaving()))
    assert written(launcher) == [(4.0, "bid"), (right_s, "left")]


def test_the_clock_of_one_device_does_not_hide_what_another_tells(launcher: Launcher) -> None:
    hears(launcher, 5.0, "peer", Record(1e9, "peer/bob", BID))
    hears(launcher, 6.0, "shop", Record(4.5, "shop/shop", AuctionClosed(1, 0.0, 0.0)))
    assert written(launcher) == [(4.5, "closed"), (5.0, "bid")]


def test_a_device_is_not_believed_what_it_has_counted(launcher: Launcher) -> None:
    hears(launcher, 5.0, "host-1", sent=3)
    hears(launcher, 5.0, "host-2", sent=4)
    hears(launcher, 5.0, "peer", sent=2**53)
    assert launcher.observer.counted == launcher.meter.counters == {"sent": 7}


def test_a_stranger_is_not_listened_to(launcher: Launcher) -> None:
    hears(launcher, 5.0, "x", Record(4.0, "x/x", BID))
    assert (written(launcher), launcher.meter.told, launcher.observer.outcome(launcher.observer.counted).dropped) == (
        [],
        {},
        {},
    )


def test_the_end_says_whose_records_did_not_count(launcher: Launcher) -> None:
    lie = Record(4.0, "host-1/big", SaleSettled("peer/bob", 1, 5.0, 1.0))
    hears(launcher, 5.0, "peer", lie, Record(4.0, "peer/bob", BID), lie)
    launcher.hears(5.0, "bidswarm/v1/m/trace/shop", b"\xc1")
    assert launcher.observer.outcome(launcher.observer.counted).dropped == {"peer": 2, "shop": 1}
    assert written(launcher) == [(4.0, "bid")]
