"""People in a market, each with a node: what they see, do and get, and what they may not."""

import json
import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from scenarios.guests.visitors import COOKIE, MOST_PAGES, files
from scenarios.live.server import MOST_SAID_BYTES, POLICY
from tests.conftest import Command
from tests.scenarios.guests.market import Place, place

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A market in which nothing happens."""
    with place(tmp_path_factory.mktemp("hall")) as found:
        yield found


def sees(seller: str) -> Any:
    return lambda state: seller in [one["seller"] for one in state["offers"]]


def has_receipts(state: dict[str, Any]) -> bool:
    return bool(state["receipts"])


def test_two_guests_trade_with_each_other_and_with_a_scripted_seller(
    tmp_path: Path, said: Callable[..., tuple[int, str, str]]
) -> None:
    with place(tmp_path) as here:
        shop = here.shop()
        sells, buys = here.page(here.identity()), here.page(here.identity())
        sells.enter("seller", 20.0, 1.0)
        own = sells.until(lambda state: state["phase"] == "inside")["name"]
        buys.until(lambda state: sees("shop/shop")(state) and sees(f"{own}/{own}")(state))
        buys.enter("buyer", 50.0, 3.0)
        at = {"shop": (30.0, 2.0), own: (15.0, 2.5)}
        buys.bid(stand=False, **at)
        state = buys.until(lambda state: len(state["gets"]) == 2)
        assert state["gets"] == {"shop/shop": [30.0, 15.0], f"{own}/{own}": [15.0, 15.0]}
        assert state["receipts"] == []
        assert sells.until(lambda state: state["cleared"].get("mb"))["cleared"]["mb"] == 15.0
        buys.bid(stand=True, **at)
        bought = buys.until(lambda state: len(state["receipts"]) == 2)["receipts"]
        assert {one["peer"]: (one["mb"], one["money"]) for one in bought} == {
            "shop/shop": (30.0, 15.0),
            f"{own}/{own}": (15.0, 15.0),
        }
        (sold,) = sells.until(has_receipts)["receipts"]
        assert (sold["mb"], sold["money"]) == (15.0, 15.0)
        assert shop.ended() == 0
        assert [(one["mb"], one["money"]) for one in shop.events("sold")] == [(30.0, 15.0)]
        for page in (sells, buys):
            page.close()
    journals = [*map(str, (tmp_path / "guests").glob("*.sqlite")), str(tmp_path / "shop" / "lab-shop.sqlite")]
    assert len(journals) == 3
    assert said("ledger", *journals)[0] == 0


def test_a_guest_buys_from_a_launched_seller_and_is_among_its_allocations(
    tmp_path: Path, bidswarm: Callable[..., Command]
) -> None:
    with place(tmp_path) as here, closing(here.page(here.identity())) as page:
        slow = ("--set", "auction.quiet_period_s=5", "--no-pictures")
        run = bidswarm("run", "two-sellers", "--broker", here.broker, "--market", "lab", *slow)
        seller = page.until(lambda state: state["offers"])["offers"][0]["seller"]
        page.enter("buyer", 5.0, 1e6)
        name = page.until(lambda state: state["phase"] == "inside")["name"]
        page.say(move={"at": {seller: (5.0, 1e6)}, "stand": True})
        (receipt,) = page.until(has_receipts)["receipts"]
        assert (receipt["peer"], receipt["mb"]) == (seller, 5.0)
        assert run.finished()[0] == 0
        summary = json.loads((run.run_dir() / "summary.json").read_text())
        bought = {(one["buyer"], one["quantity"]) for one in summary["allocations"] if "guest" in one["buyer"]}
        assert bought == {(name, 5.0)}


def test_the_command_says_where_guests_come_in(tmp_path: Path, bidswarm: Callable[..., Command]) -> None:
    with place(tmp_path) as here:
        watch = bidswarm("watch", "--broker", here.broker, "--market", "other", "--join", "--journals", str(tmp_path))
        assert watch.process.stderr
        url = next(line.split()[1] for line in watch.process.stderr if line.startswith("join: "))
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(url) as page:
            assert b"join.js" in page.read()
        watch.process.send_signal(signal.SIGINT)
        assert watch.finished()[0] == 0


def test_a_strategy_bids_for_a_guest_up_to_its_value(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        shop = here.shop()
        with closing(here.page(here.identity())) as page:
            page.until(sees("shop/shop"))
            page.enter("buyer", 40.0, 2.0, by="strategy")
            (receipt,) = page.until(has_receipts)["receipts"]
            assert (receipt["mb"], receipt["money"]) == (40.0, 20.0)
        assert shop.ended() == 0


def test_a_guest_that_leaves_takes_its_bid_back(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        shop = here.shop()
        with closing(here.page(here.identity())) as page:
            page.until(sees("shop/shop"))
            page.enter("buyer", 40.0, 2.0)
            page.bid(stand=False, shop=(40.0, 2.0))
            page.until(lambda state: state["gets"])
            page.say(leave=True)
            state = page.until(lambda state: state["phase"] == "over")
            assert (state["note"], state["bids"], state["receipts"]) == ("Left.", {}, [])
        shop.process.terminate()
        shop.ended()


def test_a_guest_that_is_outbid_is_told_so_and_what_must_be_beaten(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        shop = here.shop()
        with closing(here.page(here.identity())) as one, closing(here.page(here.identity())) as other:
            for page, mb in ((one, 50.0), (other, 60.0)):
                page.until(sees("shop/shop"))
                page.enter("buyer", mb, 5.0)
            one.bid(stand=False, shop=(30.0, 2.0))
            state = one.until(lambda state: state["gets"])
            assert state["gets"] == {"shop/shop": [30.0, 15.0]}
            (shelf,) = state["offers"]
            assert (shelf["on_sale"], shelf["price"]) == (60.0, 0.5)
            other.bid(stand=False, shop=(60.0, 4.0))
            told = "would get nothing from shop/shop, if it ended now: the entry price is 4 per MB"
            state = one.until(lambda state: told in state["lines"])
            assert state["gets"] == {"shop/shop": [0.0, 0.0]}
            assert state["offers"][0]["price"] == 4.0
            assert state["bids"] == {"shop/shop": [30.0, 2.0]}
            one.bid(stand=False, shop=(30.0, -2.0))
            state = one.until(lambda state: state["note"])
            assert state["note"].startswith("Bid at shop/shop: -2 per MB; bid a price from 0")
            assert state["bids"] == {"shop/shop": [30.0, 2.0]}
            one.bid(stand=False)
            state = one.until(lambda state: not state["bids"])
            assert (state["note"], state["gets"]) == ("", {})
            assert [(one["on_sale"], one["free"], one["price"]) for one in state["offers"]] == [(None, 0.0, None)]
        shop.process.terminate()
        shop.ended()


def test_a_page_that_comes_back_has_its_node_and_its_receipts(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        shop, cookie = here.shop(), here.identity()
        with closing(here.page(cookie)) as page:
            page.until(sees("shop/shop"))
            page.enter("buyer", 40.0, 2.0)
            page.bid(stand=True, shop=(40.0, 2.0))
            page.until(lambda state: state["bids"])
        with closing(here.page(cookie)) as page:
            (receipt,) = page.until(has_receipts)["receipts"]
        kept = json.loads(here.got("/join/receipts.json", Cookie=cookie)[2])
        assert kept["receipts"] == [receipt]
        assert shop.ended() == 0


def test_forty_guests_at_once_have_forty_nodes(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        shop = here.shop()
        pages = [here.page(here.identity()) for _ in range(40)]
        for page in pages:
            page.until(sees("shop/shop"))
            page.enter("buyer", 1.0, 2.0, by="hand")
            page.bid(stand=True, shop=(1.0, 2.0))
        bought = [page.until(has_receipts) for page in pages]
        assert len({state["name"] for state in bought}) == 40
        assert sum(state["receipts"][0]["mb"] for state in bought) == pytest.approx(40.0)
        for page in pages:
            page.close()
        assert shop.ended() == 0


# What a guest may not


def test_a_browser_without_cookies_is_told_so_and_not_led_in_circles(hall: Place) -> None:
    status, _, content = hall.got("/join/")
    assert status == 401
    assert b"by the whole address" in content


def test_every_browser_has_an_identity_that_scripts_cannot_read(hall: Place) -> None:
    status, headers, _ = hall.got("/join")
    assert (status, headers["location"]) == (303, "/join/")
    cookie = headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert hall.identity() != hall.identity()


@pytest.mark.parametrize("secret", ["", "guess", "x" * 32])
def test_who_has_no_identity_is_no_guest(hall: Place, secret: str) -> None:
    with pytest.raises(InvalidStatus):
        hall.page(f"{COOKIE}{hall.port}={secret}")


def test_one_identity_has_so_many_pages_and_no_more(hall: Place) -> None:
    cookie = hall.identity()
    pages = [hall.page(cookie) for _ in range(MOST_PAGES)]
    with pytest.raises(InvalidStatus):
        hall.page(cookie)
    for page in pages:
        page.close()


def test_a_page_elsewhere_cannot_act_for_a_guest(hall: Place) -> None:
    cookie = hall.identity()
    with pytest.raises(InvalidStatus):
        hall.page(cookie, origin="http://evil.example")
    assert hall.got("/join", Host="evil.example")[0] == 421


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "[]",
        '{"node": "guest-000000", "leave": true}',
        '{"move": {"at": {}, "stand": true, "node": "guest-000000"}}',
        '{"enter": {"role": "buyer", "quantity_mb": "1", "price_per_mb": 1}}',
        '{"enter": {"role": "buyer", "quantity_mb": 1e999, "price_per_mb": 1}}',
        '{"enter": {"role": "launcher", "quantity_mb": 1, "price_per_mb": 1}}',
        '{"move": {"at": {"shop/shop": [NaN, 1]}, "stand": true}}',
        "x" * (MOST_SAID_BYTES + 1),
    ],
)
def test_who_says_what_no_page_says_is_cut_off(hall: Place, said: str) -> None:
    page = hall.page(hall.identity())
    page.socket.send(said)
    with pytest.raises(ConnectionClosed):
        page.until(lambda _: False)


def test_what_one_guest_says_changes_nothing_of_another(hall: Place) -> None:
    mine, other = hall.page(hall.identity()), hall.page(hall.identity())
    name = mine.until(lambda _: True)["name"]
    mine.enter("seller", 20.0, 1.0)
    before = mine.until(lambda state: state["phase"] == "inside")
    assert other.until(sees(f"{name}/{name}"))["name"] != name
    other.say(leave=True)
    other.bid(stand=True, **{name: (5.0, 5.0)})
    other.enter("seller", 10.0, 1.0)
    other.until(lambda state: state["phase"] == "inside")
    other.say(leave=True)
    other.until(lambda state: state["phase"] == "over")
    after = json.loads(hall.door.state_of(next(one for one in hall.door.visitors._known.values() if one.name == name)))
    for key in ("phase", "entry", "bids", "receipts", "note"):
        assert after[key] == before[key]
    mine.say(leave=True)
    for page in (mine, other):
        page.close()


def test_a_buyer_waits_for_a_seller(tmp_path: Path) -> None:
    with place(tmp_path) as here, closing(here.page(here.identity())) as page:
        page.enter("buyer", 20.0, 1.0)
        state = page.until(lambda state: state["note"])
        assert (state["note"], state["phase"]) == ("No seller is there yet: wait until one is.", "outside")


def test_elsewhere_guests_need_the_token_of_the_door_and_cannot_look_with_it(tmp_path: Path) -> None:
    with place(tmp_path, address="0.0.0.0") as here:
        assert here.got("/join")[0] == 401
        assert here.got("/join?token=wrong")[0] == 401
        cookie = here.identity()
        assert here.got("/join/", Cookie=cookie)[0] == 200
        assert here.got("/join/join.js")[0] == 401
        assert here.got("/", Cookie=cookie)[0] == 401
        assert here.got(f"/?token={here.door.visitors.guard.token}")[0] == 401


def test_the_files_of_the_page_come_with_the_policy_and_no_others(hall: Place) -> None:
    cookie = hall.identity()
    for path in ("", *files()):
        status, headers, content = hall.got(f"/join/{path}", Cookie=cookie)
        assert (status, headers["content-security-policy"]) == (200, POLICY)
        assert content
    for path in ("../door.py", "%2e%2e/door.py", "nothing"):
        assert hall.got(f"/join/{path}", Cookie=cookie)[0] == 404
