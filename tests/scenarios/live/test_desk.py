"""Orders from a page to a run, and the answers."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import msgpack
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from scenarios.launch.options import OVER
from scenarios.live.beside import Beside
from scenarios.live.desk import MOST_SAID, MOST_WAITING, Desk
from scenarios.live.guard import COOKIE, guard_of, orderly
from scenarios.live.serving import bound, served_beside
from scenarios.markets.load import load
from scenarios.markets.psp.steering import OFFERS
from scenarios.markets.registry import draw_market
from scenarios.markets.steering import Order
from tests.conftest import wait_until

LEAVES = Order("leave", "buyer-1")


def test_orders_are_taken_in_their_order() -> None:
    desk, other = Desk(OFFERS), Order("leave", "buyer-2")
    desk.ask(LEAVES)
    desk.ask(other)
    assert [desk.take(), desk.take(), desk.take()] == [LEAVES, other, None]


def test_so_many_wait_and_no_more() -> None:
    desk = Desk(OFFERS)
    for _ in range(MOST_WAITING):
        desk.ask(LEAVES)
    assert desk.said == ()
    desk.ask(LEAVES)
    assert [one.is_refused for one in desk.said] == [True]
    assert sum(desk.take() is not None for _ in range(MOST_WAITING + 2)) == MOST_WAITING


def test_who_orders_when_all_is_over_is_told_so() -> None:
    desk = Desk(OFFERS)
    desk.ask(LEAVES)
    desk.close("it is over")
    desk.ask(LEAVES)
    assert [(one.text, one.is_refused) for one in desk.said] == [("it is over", True)] * 2
    assert desk.take() is None


def test_the_last_answers_are_remembered_and_numbered() -> None:
    desk = Desk(OFFERS)
    for number in range(1, MOST_SAID + 3):
        desk.answer(f"answer {number}", is_refused=False)
    assert [one.number for one in desk.said] == list(range(3, MOST_SAID + 3))
    assert desk.said[-1].text == f"answer {MOST_SAID + 2}"


@contextmanager
def served(world: str = "sim") -> Iterator[tuple[Beside, int, str]]:
    """A page beside a run that never begins, its port, and the token for orders."""
    page, guard = (
        Beside(draw_market(load("neighbourhood"), 0), is_paced=world == "sim"),
        orderly(guard_of("127.0.0.1", None)),
    )
    listening = bound("127.0.0.1", 0)
    with served_beside(page, guard, listening):
        yield page, listening.getsockname()[1], str(guard.order_token)


def opened(port: int, token: str) -> ClientConnection:
    headers = {"Cookie": f"{COOKIE}{port}={token}"}
    return connect(f"ws://127.0.0.1:{port}/live", origin=f"http://127.0.0.1:{port}", additional_headers=headers)  # type: ignore[arg-type]


def desk_of(socket: ClientConnection) -> dict[str, Any]:
    """The desk when it is shown next."""
    while "desk" not in (news := msgpack.unpackb(socket.recv(timeout=60), strict_map_key=False)):
        pass
    found: dict[str, Any] = news["desk"]
    return found


@pytest.mark.parametrize("world", ["sim", "mqtt"])
def test_who_has_the_token_orders_and_is_answered(world: str) -> None:
    with served(world) as (page, port, token), closing(opened(port, token)) as socket:
        offers = desk_of(socket)["offers"]
        assert [one["key"] for one in offers] == ["leave", "supply", "valuation", "cut-off", "kill"]
        socket.send(json.dumps({"order": {"kind": "leave", "node": "buyer-1"}}))
        taken: list[Order] = []
        wait_until(lambda: bool(taken.extend(filter(None, [page.take_order()])) or taken), "it is ordered")
        assert taken == [LEAVES]
        page.answer("0.4 s: leave, buyer-1", is_refused=False)
        assert desk_of(socket)["said"] == [{"number": 1, "text": "0.4 s: leave, buyer-1", "is_refused": False}]
        page.close()
        socket.send(json.dumps({"order": {"kind": "leave", "node": "buyer-1"}}))
        assert [one["text"] for one in desk_of(socket)["said"]] == ["0.4 s: leave, buyer-1", OVER]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_who_has_no_token_looks_and_is_cut_off_when_it_orders(token: str) -> None:
    with served() as (page, port, _), closing(opened(port, token)) as socket:
        assert desk_of(socket)["offers"] == []
        socket.send(json.dumps({"order": {"kind": "leave", "node": "buyer-1"}}))
        with pytest.raises(ConnectionClosed):
            list(iter(lambda: socket.recv(timeout=60), None))
        assert page.take_order() is None


def pace_of(socket: ClientConnection) -> dict[str, Any]:
    """The pace when it is shown next."""
    while "pace" not in (news := msgpack.unpackb(socket.recv(timeout=60), strict_map_key=False)):
        pass
    found: dict[str, Any] = news["pace"]["pace"]
    return found


@pytest.mark.parametrize("said", [{"pause": True}, {"step": True}, {"speed": 0}, {"restart": True}, {"pause": False}])
def test_who_has_no_token_does_not_set_the_time(said: dict[str, Any]) -> None:
    with served() as (page, port, _), closing(opened(port, "")) as socket:
        assert pace_of(socket) == {"speed": 1.0, "paused": False, "may_set": False}
        socket.send(json.dumps(said))
        with pytest.raises(ConnectionClosed):
            list(iter(lambda: socket.recv(timeout=60), None))
        assert page.feed.pace is not None
        assert (page.feed.pace.is_paused, page.feed.pace.speed, page.take_step()) == (False, 1.0, False)


def test_who_has_the_token_sets_it() -> None:
    with served() as (_, port, token), closing(opened(port, token)) as socket:
        assert pace_of(socket)["may_set"]
        socket.send(json.dumps({"pause": True, "speed": 2}))
        assert pace_of(socket) == {"speed": 2.0, "paused": True, "may_set": True}


@pytest.mark.parametrize(
    "order",
    [
        {"kind": "leave"},
        {"kind": "leave", "node": 7},
        {"kind": "leave", "node": "x" * 65},
        {"kind": "x" * 65, "node": "buyer-1"},
        {"kind": "supply", "node": "seller-1", "amount": "much"},
        {"kind": "leave", "node": "buyer-1", "at_s": 3},
    ],
)
def test_what_is_no_order_ends_the_connection(order: object) -> None:
    with served() as (page, port, token), closing(opened(port, token)) as socket:
        socket.send(json.dumps({"order": order}))
        with pytest.raises(ConnectionClosed):
            list(iter(lambda: socket.recv(timeout=60), None))
        assert page.take_order() is None


def test_where_nothing_can_be_ordered_there_is_no_desk() -> None:
    with served() as (page, port, token), closing(opened(port, token)) as socket:
        page.feed.desk = None  # as where somebody else's market is watched, or a folder
        while desk_of(socket) is not None:
            pass
        socket.send(json.dumps({"order": {"kind": "leave", "node": "buyer-1"}}))
        with pytest.raises(ConnectionClosed):
            list(iter(lambda: socket.recv(timeout=60), None))
        assert page.take_order() is None
