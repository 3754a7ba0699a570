"""Where guests come in, and what docs/live.md says of them."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from broker import BrokerAddress
from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.messages import Advert
from node.protocol.topics import Topics
from node.protocol.wire.frames import encode_post
from node.protocol.wire.presence import OFFLINE, ONLINE, encode_presence
from scenarios.errors import ScenarioError
from scenarios.guests import door as of_door
from scenarios.guests.door import LEAVE_S, MOST_GUESTS, Door
from scenarios.guests.guest import Entry, Guest
from scenarios.guests.visitors import GUEST_STATIC, MOST_VISITORS, PAUSE_S, code_of
from scenarios.live.guard import Guard, guard_of
from scenarios.live.server import MOST_SAID_BYTES
from scenarios.live.watching import Watch
from scenarios.markets.base import Market
from scenarios.markets.load import load
from scenarios.markets.psp.seats import MOST_SELLERS
from scenarios.markets.registry import draw_market

FLOWING = " ".join((Path(__file__).parents[3] / "docs" / "live.md").read_text(encoding="utf-8").split())
TOPICS, LIFE = Topics("lab"), b"\1" * 8


def opened(folder: Path, guard: Guard | None = None, market: Market | None = None) -> tuple[Watch, Door]:
    watch = Watch(BrokerAddress("127.0.0.1", 1883), "lab", market)
    door = Door(watch, "mqtt://127.0.0.1", "lab", folder, guard or guard_of("127.0.0.1", None), market)
    return watch, door


def posts(watch: Watch, seller: str, state: str = "open", life: bytes = LIFE) -> None:
    advert = Advert(0, 1, 65.0, 65.0, 0.5, state, 0, NO_DIGEST)  # type: ignore[arg-type]
    watch.take(TOPICS.board(seller), encode_post(advert, life))


def test_on_sale_is_what_those_offer_who_are_there(tmp_path: Path) -> None:
    watch, door = opened(tmp_path)
    for host in ("a", "b", "c"):
        watch.take(TOPICS.presence(host), encode_presence(ONLINE, LIFE))
    posts(watch, "a/s")
    posts(watch, "b/s", state="closed")
    posts(watch, "c/s", life=b"\2" * 8)
    posts(watch, "d/s")
    assert list(door.offers()) == ["a/s"]
    watch.take(TOPICS.presence("a"), encode_presence(OFFLINE, LIFE))
    assert door.offers() == {}


def test_the_token_of_the_door_is_not_that_of_the_page(tmp_path: Path) -> None:
    _, door = opened(tmp_path, guard_of("0.0.0.0", "a-token-of-my-own"))
    url = door.visitors.url_of("http://192.0.2.7:8000/?token=a-token-of-my-own")
    assert url == f"http://192.0.2.7:8000/join?token={door.visitors.guard.token}"
    assert door.visitors.guard.token
    assert "a-token-of-my-own" not in url


def test_on_loopback_there_is_no_token(tmp_path: Path) -> None:
    assert opened(tmp_path)[1].visitors.url_of("http://127.0.0.1:8000/") == "http://127.0.0.1:8000/join"


def test_guests_hold_auctions_as_the_market_does_that_is_known(tmp_path: Path) -> None:
    market = draw_market(load("pay-as-bid", ["auction.patience_s=60"]), 0)
    _, door = opened(tmp_path, market=market)
    auction = door._tables["auction"]
    assert isinstance(auction, dict)
    assert (auction["mechanism"], auction["patience_s"]) == ("pay-as-bid", 60.0)


def test_the_digital_marketplace_has_no_guests(tmp_path: Path) -> None:
    _, door = opened(tmp_path, market=draw_market(load("network-selection"), 0))
    guest = door.visitors._known[door.visitors._admitted()]
    entry = '{"enter": {"role": "seller", "quantity_mb": 1, "price_per_mb": 1}}'
    assert door.heed(guest, entry)
    assert (guest.phase, guest.note) == (
        "outside",
        "In this market there are no buyers and sellers, and nothing for guests to do.",
    )


def test_numbers_that_make_no_node_are_refused_with_the_reason(tmp_path: Path) -> None:
    _, door = opened(tmp_path)
    guest = door.visitors._known[door.visitors._admitted()]
    with pytest.raises(ScenarioError, match="price must be finite and above 0"):
        guest.enter(Entry("buyer", 10.0, 0.0), {"broker": "mqtt://h", "market": "lab"}, ["s/s"])
    assert guest.phase == "outside"


@pytest.mark.parametrize(
    ("quantity", "price", "said"),
    [("-1", "1", "buyer.valuation.demand_mb = -1.0"), ("1e300", "1", "buyer.valuation.demand_mb = 1e+300")],
)
def test_numbers_out_of_their_range_are_answered(tmp_path: Path, quantity: str, price: str, said: str) -> None:
    watch, door = opened(tmp_path)
    watch.take(TOPICS.presence("a"), encode_presence(ONLINE, LIFE))
    posts(watch, "a/s")
    guest = door.visitors._known[door.visitors._admitted()]
    entry = f'{{"enter": {{"role": "buyer", "quantity_mb": {quantity}, "price_per_mb": {price}}}}}'
    assert door.heed(guest, entry)
    assert said in guest.note
    assert guest.phase == "outside"


@pytest.mark.parametrize(("left", "price"), [(65.0, 0.5), (5.0, 0.5), (0.0, None)])
def test_who_has_no_bid_knows_of_a_seller_what_its_advert_says(left: float, price: float | None) -> None:
    advert = Advert(0, 1, 65.0, left, 0.5, "open", 0, NO_DIGEST)
    (shelf,) = Guest("guest-1").shelves({"a/s": advert, "guest-1/guest-1": advert})
    assert (shelf.on_sale, shelf.free, shelf.price) == (None, left, price)


def test_no_more_guests_come_in_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_door, "MOST_GUESTS", 0)
    _, door = opened(tmp_path)
    guest = door.visitors._known[door.visitors._admitted()]
    assert door.heed(guest, '{"enter": {"role": "seller", "quantity_mb": 1, "price_per_mb": 1}}')
    assert (guest.phase, guest.note) == ("outside", "0 guests are there already, and no more may come.")


def test_the_oldest_visitor_without_a_node_makes_room_for_a_new_one(tmp_path: Path) -> None:
    _, door = opened(tmp_path)
    first, second = door.visitors._admitted(), door.visitors._admitted()
    for _ in range(MOST_VISITORS - 1):
        door.visitors._admitted()
    assert len(door.visitors._known) == MOST_VISITORS
    assert first not in door.visitors._known
    assert second in door.visitors._known
    assert len({guest.name for guest in door.visitors._known.values()}) == MOST_VISITORS


def test_the_code_is_of_the_address() -> None:
    code = code_of("http://192.0.2.7:8000/join?token=abcdefghijkabcdefghijkabcdefghij")
    widths = {len(line) for line in code.splitlines()}
    assert len(widths) == 1
    assert widths.pop() <= 50
    assert set(code) == set("█▀▄ \n")
    assert code != code_of("http://192.0.2.7:8001/join?token=abcdefghijkabcdefghijkabcdefghij")


class Page(HTMLParser):
    """The words that stand in a page itself, and the names of those that its script writes."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.names: set[str] = set()
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        for name, value in attrs:
            if name in ("data-text", "data-label"):
                self.names.add(str(value))
            elif name in ("alt", "aria-label", "placeholder", "title"):
                self.words.append(value or "")

    def handle_data(self, data: str) -> None:
        if self._tag != "noscript":
            self.words.append(data)


def test_the_words_of_all_pages_stand_in_one_file() -> None:
    known = (GUEST_STATIC / "words.js").read_text().partition("export const P = {")[2].partition("};")[0]
    names = set(re.findall(r"^  (\w+):", known, re.MULTILINE))
    used = set()
    for name in ("join.html", "class.html", "board.html"):
        page = Page()
        page.feed((GUEST_STATIC / name).read_text())
        assert {word.strip() for word in page.words} <= {"", "bidswarm"}
        used |= page.names
    assert used == names


@pytest.mark.parametrize(
    "sentence",
    [
        f"the first {MOST_SELLERS} sellers",
        f"{MOST_GUESTS} guests may have a node at a time",
        f"within {LEAVE_S:g} seconds",
        f"at most {MOST_SAID_BYTES:,} bytes at once and {1.0 / PAUSE_S:g} words a second",
    ],
)
def test_its_numbers_are_those_of_the_program(sentence: str) -> None:
    assert sentence in FLOWING
