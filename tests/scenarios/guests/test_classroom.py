"""People in a classroom: places, moves, scores, and what they may not."""

import http.client
import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from node.protocol.dmp.trace import PriceOffered
from scenarios.errors import ScenarioError
from scenarios.guests.classroom import MOST_NAME, Classroom, Pupil, Said
from scenarios.live.guard import guard_of, orderly
from scenarios.markets.load import load
from scenarios.markets.psp.seats import LEAST_QUIET_S
from scenarios.markets.registry import draw_market, kinds
from scenarios.report.finish import records_of, remains_of
from tests.conftest import Command
from tests.scenarios.live.browser import kept, needs_axe, needs_chromium, violations, visited

FOLDER = re.compile(r"is over: (\S+)")


class Room:
    """A classroom that a command holds."""

    def __init__(self, command: Command) -> None:
        self.command = command
        assert command.process.stderr
        self.said = command.process.stderr
        self.board, self.join = (self.line(word).split()[1] for word in ("board: ", "join: "))
        self.place = urlsplit(self.join).netloc
        self.teacher = self._cookie(self.board)
        self.rounds = 0
        self.desk = self.socket("/board/live", self.teacher)

    def line(self, word: str) -> str:
        """The next line that has this in it."""
        return next(line for line in self.said if word in line)

    def got(self, path: str, cookie: str = "") -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(self.place)
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        with closing(connection):
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def _cookie(self, url: str) -> str:
        parts = urlsplit(url)
        return str(self.got(f"{parts.path}?{parts.query}")[1]["Set-Cookie"]).partition(";")[0]

    def socket(self, path: str, cookie: str) -> ClientConnection:
        origin: Any = f"http://{self.place}"
        return connect(f"ws://{self.place}{path}", origin=origin, additional_headers={"Cookie": cookie})

    def comes(self, name: str) -> "Phone":
        """Somebody comes in and says a name."""
        phone = Phone(self, self._cookie(self.join))
        phone.say(name=name)
        phone.until(lambda state: state["name"] == name)
        return phone

    def begin(self) -> None:
        """Begin the next round."""
        while not ((state := json.loads(self.desk.recv(timeout=60)))["is_ready"] and state["round"] == self.rounds):
            pass
        self.rounds += 1
        self.desk.send('{"start": true}')

    def folder(self) -> Path:
        """That of the round that is over next."""
        found = FOLDER.search(self.line("is over"))
        assert found
        return Path(found[1])

    def ended(self) -> int:
        return self.end()[0]

    def end(self) -> tuple[int, str]:
        """The exit code after Ctrl-C, and what is said last."""
        self.command.process.send_signal(signal.SIGINT)
        code, _, said = self.command.finished()
        return code, said


class Phone:
    """The page of one person."""

    def __init__(self, room: Room, cookie: str) -> None:
        self.room, self.cookie = room, cookie
        self.socket = room.socket("/join/live", cookie)

    def say(self, **word: Any) -> None:
        self.socket.send(json.dumps(word))

    def until(self, wanted: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The first state from now on that is as wanted."""
        while not wanted(state := json.loads(self.socket.recv(timeout=60))):
            pass
        return dict(state)


def plays(state: dict[str, Any]) -> bool:
    return bool(state["phase"] == "playing" and state["user"])


@contextmanager
def room(bidswarm: Callable[..., Command], folder: Path, *arguments: str) -> Iterator[Room]:
    found = Room(bidswarm("classroom", *arguments, "--out", str(folder), "--no-pictures"))
    yield found
    found.desk.close()


def by_hand(folder: Path, users: str) -> list[str]:
    """For whom people acted, as the folder of a round says."""
    market = json.loads((folder / "market.json").read_text())
    return [one["name"] for one in market[users] if one["by_hand"]]


@pytest.mark.mosquitto
def test_two_people_play_two_rounds_of_an_exchange(tmp_path: Path, bidswarm: Callable[..., Command]) -> None:
    arguments = ("two-sellers", "--rounds", "2", "--seconds", "3", "--broker", "mosquitto")
    with room(bidswarm, tmp_path, *arguments) as here:
        ana, bo = here.comes("Ana"), here.comes("Bo")
        for number in (1, 2):
            here.begin()
            state = ana.until(plays)
            assert (state["user"], state["role"]) == ("A", "buyer")
            assert bo.until(plays)["user"] == "B"
            seller = state["pool"][0]
            ana.say(move={"at": {seller: [10.0, 5.0]}})
            seen = ana.until(lambda state: plays(state) and state["gets"])
            assert seen["bids"] == {seller: [10.0, 5.0]}
            folder = here.folder()
            assert by_hand(folder, "buyers") == ["A", "B"]
            summary = json.loads((folder / "summary.json").read_text())
            assert summary["status"] == "settled"
            rows = {row["buyer"]: row for row in pq.read_table(folder / "buyers.parquet").to_pylist()}
            assert (rows["A"]["bought_mb"], rows["B"]["bought_mb"]) == (10.0, 0.0)
            ends = ana.until(
                lambda state, number=number: len(state["scores"]) and len(state["scores"][0]["rounds"]) == number
            )
            mine = next(one for one in ends["scores"] if one["name"] == "Ana")["rounds"][-1]
            assert mine == {"round": number, "user": "A", "earned": rows["A"]["utility"], "strategy": mine["strategy"]}
            (alone,) = folder.parent.glob(f"strategies/*seed{number - 1}*/buyers.parquet")
            reference = {row["buyer"]: row["utility"] for row in pq.read_table(alone).to_pylist()}
            assert mine["strategy"] == reference["A"] > mine["earned"]
            bidswarm_ledger = bidswarm("ledger", str(folder)).finished()
            assert bidswarm_ledger[0] == 0
        here.line("stays until Ctrl-C")
        own = json.loads(here.got("/join/receipts.json", ana.cookie)[2])
        assert [(one["peer"], one["mb"]) for one in own["receipts"]] == [(seller, 10.0)] * 2
        kept_scores = json.loads((folder.parent / "scores.json").read_text())
        assert [one["name"] for one in kept_scores] == ["Ana", "Bo"]
        assert here.ended() == 0


@needs_chromium
def test_a_person_plays_an_operator(tmp_path: Path, bidswarm: Callable[..., Command], browser: Browser) -> None:
    arguments = ("network-selection", "--rounds", "1", "--seconds", "8", "--set", "terminals.0.calls=5")
    with room(bidswarm, tmp_path, *arguments) as here:
        ana = here.comes("Ana")
        with visited(browser, here.join) as phone:
            named(phone, "Bo")
            here.begin()
            assert ana.until(plays)["role"] == "operator"
            ana.say(move={"margin_money": 0.25})
            assert ana.until(lambda state: state["moved"])["moved"] == {"margin_money": 0.25}
            margin, ask = phone.locator("input[name=margin]"), phone.get_by_role("button", name="Ask this from now on")
            for wrong, said in (("-3", "-3 is too little: write 0 or more."), ("", "Write a number here.")):
                margin.fill(wrong)
                ask.click()
                expect(margin).to_have_accessible_description(said)
                expect(margin).to_have_attribute("aria-invalid", "true")
            margin.fill("0.5")
            ask.click()
            expect(margin).not_to_have_attribute("aria-invalid", "true")
            roles = {kind.seats.role for kind in kinds().values() if kind.seats}
            words = "import('/join/words.js').then(({ C }) => Object.keys(C.ending))"
            assert set(phone.evaluate(words)) == roles
        folder = here.folder()
        assert by_hand(folder, "operators") == ["operator-1", "operator-2"]
        rows = {row["operator"]: row for row in pq.read_table(folder / "operators.parquet").to_pylist()}
        ends = {one["name"]: one["earned"] for one in ana.until(lambda state: state["scores"])["scores"]}
        assert ends["Ana"] == rows["operator-1"]["profit"] > 0.0
        remains = remains_of(folder)
        records = records_of(folder, remains.kind, remains.run.outcome.opened_at, is_over=True)
        offers = [
            one.what for one in records if one.node.endswith("/operator-1") and isinstance(one.what, PriceOffered)
        ]
        margins = {round(one.price_money - one.cost_money, 9) for one in offers}
        assert margins <= {0.0, 0.25}
        assert 0.25 in margins
        here.line("stays until Ctrl-C")
        assert here.ended() == 0


def test_forty_people_play_at_once(tmp_path: Path, bidswarm: Callable[..., Command]) -> None:
    arguments = ("neighbourhood", "--rounds", "1", "--seconds", "8", "--set", "buyers.0.count=40")
    with room(bidswarm, tmp_path, *arguments) as here:
        phones = [here.comes(f"person {k}") for k in range(40)]
        here.begin()
        for phone in phones:
            state = phone.until(plays)
            phone.say(move={"at": {seller: [3.0, 2.0] for seller in state["pool"]}})
        for phone in phones:
            phone.until(lambda state: state["bids"])
        folder = here.folder()
        assert len(by_hand(folder, "buyers")) == 40
        scores = phones[0].until(lambda state: state["scores"])["scores"]
        assert len({one["rounds"][0]["user"] for one in scores}) == 40
        assert here.ended() in (0, 130)


def test_who_came_too_late_or_has_no_place_has_the_next_round_first(
    tmp_path: Path, bidswarm: Callable[..., Command]
) -> None:
    arguments = ("two-sellers", "--rounds", "2", "--seconds", "1", "--set", "buyers.0.count=1")
    with room(bidswarm, tmp_path, *arguments) as here:
        people = [here.comes(name) for name in "abcdefg"]
        here.begin()
        watching = people[-1].until(lambda state: state["phase"] == "playing")
        assert watching["user"] is None
        assert watching["note"] == "All places are taken: watch, and have the next."
        here.folder()
        here.begin()
        people[-1].until(plays)
        code, said = here.end()
        assert code == 130
        assert f"1 of 2 rounds was over; kept in {tmp_path}" in said
        assert "for the others give the same command with --seed 1 --rounds 1" in said


# What they may not


@pytest.fixture
def classroom() -> Classroom:
    guard = orderly(guard_of("127.0.0.1", None))
    return Classroom(draw_market(load("two-sellers"), 0), guard, 1, 60.0, "http://127.0.0.1:1/?token=x")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        '{"name": ""}',
        f'{{"name": "{"x" * (MOST_NAME + 1)}"}}',
        '{"name": 1}',
        '{"move": {"at": {}}, "user": "B"}',
        '{"start": true}',
    ],
)
def test_what_no_page_says_cuts_it_off(classroom: Classroom, said: str) -> None:
    assert not classroom.heed(Pupil(), said)


@pytest.mark.parametrize("said", ["", "{", '{"move": {}}', '{"start": 1}', '{"start": true, "round": 2}'])
def test_what_no_board_says_cuts_it_off(classroom: Classroom, said: str) -> None:
    assert not classroom.heed_board(said)


def test_nobody_takes_the_name_of_another(classroom: Classroom) -> None:
    visitors = classroom.visitors
    one, other = (visitors._known[visitors._admitted()] for _ in range(2))
    assert classroom.heed(one, '{"name": " Ana "}')
    assert one.name == "Ana"
    assert classroom.heed(other, '{"name": "Ana"}')
    assert (other.name, other.note) == ("", "Somebody here is called Ana already: say another name.")
    for name in ("   ", "A\\u202eB"):
        classroom.heed(other, f'{{"name": "{name}"}}')
        assert (other.name, other.note) == ("", "Say a name that others can read.")


def test_a_move_that_is_none_is_refused_in_words(classroom: Classroom) -> None:
    pupil = Pupil("Ana", user="A")
    classroom.stage = "playing"
    assert classroom.heed(pupil, '{"move": {"at": {"1": [-5, 1]}}}')
    assert "bid at 1: -5 MB; bid for more than 0" in pupil.note
    assert pupil.moved is None


def test_a_move_before_the_round_or_without_a_place_is_none(classroom: Classroom) -> None:
    move = '{"move": {"at": {"1": [5, 1]}}}'
    for pupil, stage in ((Pupil("Ana", user="A"), "lobby"), (Pupil("Bo"), "playing")):
        classroom.stage = stage  # type: ignore[assignment]
        assert classroom.heed(pupil, move)
        assert pupil.moved is None


def test_nobody_begins_a_round_without_people(classroom: Classroom) -> None:
    classroom.is_ready = True
    assert classroom.heed_board('{"start": true}')
    assert not classroom._began.is_set()


def test_the_page_of_a_person_names_no_user() -> None:
    assert Said.__struct_fields__ == ("name", "move")


def test_a_market_without_places_has_no_classroom() -> None:
    guard = orderly(guard_of("127.0.0.1", None))
    market = msgspec.structs.replace(draw_market(load("two-sellers"), 0), buyers=[])
    with pytest.raises(ScenarioError, match="no buyer whose place"):
        Classroom(market, guard, 1, 60.0, "http://127.0.0.1:1/")


@pytest.mark.parametrize("seconds", ["0", "nan", "-1", "1e9"])
def test_a_round_takes_a_time_that_people_have(bidswarm: Callable[..., Command], seconds: str) -> None:
    code, _, said = bidswarm("classroom", "two-sellers", "--seconds", seconds).finished()
    assert code == 2
    assert f"--seconds {float(seconds):g} must be from 1 to 3600" in said


@pytest.mark.parametrize(
    ("arguments", "code", "wrong"),
    [
        (("two-sellers", "--broker", "mqtt://127.0.0.1:1"), 4, "127.0.0.1:1"),
        (("single-auction", "--set", "auction.mechanism=vcg"), 2, "auction.mechanism"),
    ],
)
def test_what_keeps_rounds_from_beginning_is_said_before_the_pages_open(
    tmp_path: Path, bidswarm: Callable[..., Command], arguments: tuple[str, ...], code: int, wrong: str
) -> None:
    ended, _, said = bidswarm("classroom", *arguments, "--out", str(tmp_path / "out")).finished()
    assert ended == code
    assert wrong in said
    assert "board: " not in said
    assert not (tmp_path / "out").exists()


def test_the_board_is_for_who_has_its_token(tmp_path: Path, bidswarm: Callable[..., Command]) -> None:
    with room(bidswarm, tmp_path, "two-sellers") as here:
        phone = here.comes("Ana")
        for cookie in ("", phone.cookie):
            assert here.got("/board/", cookie)[0] == 401
            with pytest.raises(InvalidStatus):
                here.socket("/board/live", cookie)
        assert here.got("/board?token=guess")[0] == 401
        assert here.got("/board/code.svg", here.teacher)[2].startswith(b"<svg")
        here.line("the board begins it")
        assert list(tmp_path.glob("*classroom*"))
        code, said = here.end()
        assert code == 130
        assert "interrupted; no round had begun, and nothing is kept; the same command begins anew" in said
        assert not list(tmp_path.glob("*classroom*"))


# In a browser


def named(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Take part").click()
    page.get_by_text("The round begins when the board says so.").wait_for()


@needs_chromium
@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_board_and_phone_lead_through_a_round(
    tmp_path: Path, bidswarm: Callable[..., Command], browser: Browser, scheme: Any
) -> None:
    looks = {"color_scheme": scheme}
    with room(bidswarm, tmp_path, "two-sellers", "--rounds", "1", "--seconds", "5") as here:
        with (
            visited(browser, here.board, **looks) as board,
            visited(browser, here.join, viewport={"width": 360, "height": 740}, **looks) as phone,
        ):
            assert violations(phone) == []
            named(phone, "Ana")
            board.get_by_text("Ana").wait_for()
            assert board.locator("#code").evaluate("image => image.naturalWidth") > 100
            assert violations(board) == []
            board.get_by_role("button", name="Begin round 1").click()
            expect(phone.locator('[data-seller="1"]')).to_contain_text("MB on sale, from")
            phone.get_by_label("MB to bid for at 1", exact=True).fill("10")
            phone.get_by_label("Price per MB to bid at 1", exact=True).fill("5")
            phone.get_by_role("button", name="Place these bids").click()
            phone.get_by_text("You bid for 10 MB at 5 per MB.").wait_for()
            phone.get_by_text("You would get 10 MB for").wait_for()
            assert phone.evaluate("document.documentElement.scrollWidth") <= 360
            assert violations(phone) == []
            kept(phone, f"classroom-{scheme}")
            here.folder()
            expect(phone.locator("#scores")).to_contain_text("Ana")
            expect(board.locator("#scores")).to_contain_text("Ana")
            assert violations(board) == []
            kept(board, f"board-{scheme}")
        assert here.ended() == 0


# docs/classroom.md

DOCS = Path(__file__).parents[3] / "docs"


def test_docs_say_what_the_classroom_does() -> None:
    page = " ".join((DOCS / "classroom.md").read_text(encoding="utf-8").split())
    for sentence in (f"within {LEAST_QUIET_S:g} s after the last change", f"at most {MOST_NAME} characters"):
        assert sentence in page
