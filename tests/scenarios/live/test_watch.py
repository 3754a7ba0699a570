"""The command ``bidswarm watch``: what it refuses, and how a market on a broker is read."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import aiomqtt
import msgspec
import pytest

from broker import BrokerAddress
from node.protocol.errors import RejectedError
from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.messages import Advert
from node.protocol.psp.trace import BidPlaced
from node.protocol.topics import Topics
from node.protocol.trace import Record, Trace
from node.protocol.wire.frames import encode_post, sealed
from node.protocol.wire.presence import OFFLINE, ONLINE, encode_presence
from node.runtime.mqtt.host import OPEN, STOP, TraceBatch
from scenarios.launch.run import run
from scenarios.live.watching import AWAY, LATE, Watch
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market

TOPICS, LIFE = Topics("lab"), b"\1" * 8
ADVERT = encode_post(Advert(0, 1, 65.0, 65.0, 0.5, "open", 0, NO_DIGEST), LIFE)


def watching() -> Watch:
    return Watch(BrokerAddress("127.0.0.1", 1883), "lab")


def batch(*records: Record[Trace]) -> bytes:
    return msgspec.msgpack.encode(TraceBatch({}, list(records)))


def bid(node: str, time_s: float = 5.0, quantity_mb: float = 2.0) -> Record[Trace]:
    return Record(time_s, node, BidPlaced("h/s", 0, 1, quantity_mb, 1.0))


def test_the_first_post_tells_of_which_kind_the_market_is() -> None:
    watch = watching()
    watch.take(TOPICS.trace("h"), batch(bid("h/a")))
    assert watch.feed.view.layout.title == "market"
    watch.take(TOPICS.board("h/s"), ADVERT)
    watch.take(TOPICS.trace("h"), batch(bid("h/a")))
    assert watch.feed.view.layout.title == "exchange"
    assert watch.feed.view.figures()["bids"] == 1
    assert watch.feed.view.rows("nodes")["name"] == ["s", "a"]


def test_posts_are_read_also_where_they_are_signed() -> None:
    watch = watching()
    watch.take(TOPICS.board("h/s"), sealed(ADVERT, b"\0" * 64))
    assert watch.feed.view.layout.title == "exchange"


def test_a_node_is_where_it_was_first_heard_of() -> None:
    watch = watching()
    watch.take(TOPICS.board("h/s"), ADVERT)
    watch.take(TOPICS.trace("h"), batch(bid("h/a")))
    watch.take(TOPICS.trace("evil"), batch(bid("evil/a"), bid("h/a"), bid("evil/b")))
    assert watch.feed.view.figures()["bids"] == 2
    assert watch.feed.view.rows("nodes")["name"] == ["s", "a", "b"]
    assert watch.dropped == {"evil/a": 1}


def test_it_is_said_once_that_the_broker_is_not_there_and_that_it_is_back() -> None:
    with socket.socket() as taken:  # nobody listens there
        taken.bind(("127.0.0.1", 0))
        port, said = taken.getsockname()[1], list[str]()
        watch = Watch(BrokerAddress("127.0.0.1", port), "lab", say=said.append)

        async def look() -> None:
            watching_on = asyncio.ensure_future(watch.run())
            while watch.feed.state != "lost":  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            watching_on.cancel()

        asyncio.run(look())
    watch._lose(aiomqtt.MqttError("again"))
    assert len(said) == 1
    assert said[0].startswith(f"the broker 127.0.0.1:{port} does not answer (")

    client = MagicMock()
    client.messages.__aiter__.return_value = []
    asyncio.run(watch._read(client))
    assert said[1:] == [f"connected to the broker 127.0.0.1:{port}"]
    assert watch.feed.state == "waiting"


def test_time_counts_from_the_first_record() -> None:
    watch = watching()
    watch.take(TOPICS.board("h/s"), ADVERT)
    watch.take(TOPICS.trace("h"), batch(bid("h/a", 1000.0), bid("h/a", 1002.5)))
    assert watch.feed.view.now_s == 2.5


def test_who_is_there_is_said() -> None:
    watch = watching()
    watch.take(TOPICS.presence("h"), encode_presence(ONLINE, LIFE))
    assert watch.feed.note == "1 host connected"
    watch.take(TOPICS.presence("h"), encode_presence(OFFLINE, b"\2" * 8))
    assert watch.feed.note == "1 host connected"
    watch.take(TOPICS.presence("h"), encode_presence(OFFLINE, LIFE))
    assert watch.feed.note == "no host of market lab is there"


def test_it_ends_when_the_launcher_says_so_and_begins_anew() -> None:
    watch = watching()
    watch.take(TOPICS.control, STOP)
    assert watch.feed.state == "waiting"
    watch.take(TOPICS.board("h/s"), ADVERT)
    watch.take(TOPICS.trace("h"), batch(bid("h/a")))
    watch.take(TOPICS.control, STOP)
    assert watch.feed.state == "ended"
    watch.take(TOPICS.trace("h"), batch(bid("h/a")))
    assert watch.feed.view.figures()["bids"] == 1
    watch.take(TOPICS.control, OPEN)
    assert watch.feed.state == "waiting"
    assert watch.feed.view.figures()["bids"] == 0


@pytest.mark.parametrize(
    "topic", [TOPICS.board("h/s"), TOPICS.trace("h"), TOPICS.presence("h"), "bidswarm/v1/other/control"]
)
@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"\x93\x01\x02", msgspec.msgpack.encode([{}, [[1.0, "h/a", ["bid"]]]])]
)
def test_what_is_malformed_changes_nothing(topic: str, payload: bytes) -> None:
    watch = watching()
    watch.take(TOPICS.board("h/s"), ADVERT)
    with contextlib.suppress(RejectedError):
        watch.take(topic, payload)
    assert watch.feed.view.figures()["bids"] == 0


def test_a_market_that_is_known_has_its_optimum() -> None:
    market = draw_market(load("two-sellers"), 0)
    watch = Watch(BrokerAddress("127.0.0.1", 1883), "lab", market)
    watch.feed.view.prepare()
    watch.take(TOPICS.trace("h"), batch(bid("h/A")))
    assert watch.feed.view.figures()["efficiency"] == 0.0


def known() -> Watch:
    return Watch(BrokerAddress("127.0.0.1", 1883), "lab", draw_market(load("two-sellers"), 0))


def test_who_comes_late_is_told_so_and_gets_no_figure_that_needs_what_was_said_before() -> None:
    watch = known()
    assert "efficiency" in watch.feed.view.figures()
    watch.take(TOPICS.board("h/s"), ADVERT)
    watch.take(TOPICS.control, OPEN, is_retained=True)
    watch.take(TOPICS.trace("h"), batch(bid("h/A")))
    assert not {"efficiency", "epsilon_gap", "welfare"} & watch.feed.view.figures().keys()
    assert watch.feed.view.rows("nodes")["name"] == ["s", "A"]  # of the board it has heard
    assert watch.feed.note == f"no host of market lab is there; {LATE}"


def test_who_was_there_at_the_opening_and_was_cut_off_later_is_told_that() -> None:
    watch = known()
    watch.take(TOPICS.control, OPEN)
    watch.take(TOPICS.trace("h"), batch(bid("h/A")))
    watch.take(TOPICS.control, OPEN, is_retained=True)  # as after every subscription
    watch.take(TOPICS.presence("h"), encode_presence(ONLINE, LIFE))
    assert "efficiency" in watch.feed.view.figures()
    assert watch.feed.note == f"1 host connected; {AWAY}"


@pytest.mark.parametrize(
    ("supply_mb", "has_shift", "is_other"),
    [(65.0, False, False), (66.0, False, True), (64.0, False, True), (64.0, True, False), (66.0, True, True)],
)
def test_a_board_that_contradicts_the_scenario_is_believed_and_not_the_scenario(
    supply_mb: float, has_shift: bool, is_other: bool
) -> None:
    shifts = ["shifts=[{at_s = 1, kind = 'supply', nodes = ['1'], factor = 0.5}]"] if has_shift else []
    watch = Watch(BrokerAddress("127.0.0.1", 1883), "lab", draw_market(load("two-sellers", shifts), 0))
    watch.take(TOPICS.board("h/1"), encode_post(Advert(0, 1, supply_mb, 65.0, 0.5, "open", 0, NO_DIGEST), LIFE))
    assert (f"1 has {supply_mb:g} MB on the board, and 65 MB in the scenario" in watch.feed.note) == is_other
    assert ("efficiency" in watch.feed.view.figures()) != is_other


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], "name the FOLDER of a run, or a market with --market NAME"),
        (["--market", "lab"], "--broker URL (or BIDSWARM_BROKER) and --profile FILE name the broker: give one of them"),
        (["--market", "a b", "--broker", "mqtt://h"], "--market 'a b' must be 1 to 64 of the characters"),
        (["--scenario", "two-sellers"], "--profile and --scenario go with --market NAME"),
        (["nowhere"], "cannot read nowhere/manifest.json"),
        (["--market", "lab", "--broker", "mqtt://h", "--scenario", "nothing"], "nothing"),
        (["nowhere", "--journals", "here"], "--journals goes with --join"),
        (["nowhere", "--join"], "--join goes with --market NAME and --broker URL"),
        (["--market", "lab", "--profile", "eve.toml", "--join"], "--join goes with --market NAME and --broker URL"),
        (["nowhere", "--speed", "nan"], "--speed nan must be from 0.01 to 1,000 "),
        (["nowhere", "--speed=1e9"], "--speed 1e+09 must be from 0.01 to 1,000 "),
        (["nowhere", "--speed=-1"], "--speed -1 must be from 0.01 to 1,000 "),
        (["nowhere", "--address", "here"], "--address 'here': give an IP address"),
    ],
)
def test_bad_usage_is_named(
    options: list[str], text: str, said: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIDSWARM_BROKER", raising=False)
    code, _, stderr = said("watch", *options)
    assert code == 2
    assert text in stderr


def test_a_run_without_a_trace_cannot_be_played_back(tmp_path: Path, said: Callable[..., tuple[int, str, str]]) -> None:
    settings = ["buyers.0.count=20"]
    folder = run("neighbourhood", world="array", out=tmp_path, pictures=False, settings=settings).summary.run_dir
    code, _, stderr = said("watch", folder)
    assert code == 2
    assert "is of world 'array', which keeps no trace" in stderr


def test_a_page_goes_with_worlds_that_tell_something(said: Callable[..., tuple[int, str, str]]) -> None:
    code, _, stderr = said("run", "neighbourhood", "--world", "array", "--live")
    assert code == 2
    assert "--live goes with worlds mqtt and sim" in stderr
