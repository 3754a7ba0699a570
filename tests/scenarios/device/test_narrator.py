"""What a node tells of what it does."""

import io
import json
import re
import time

import pytest
from rich.console import Console

from node.protocol.host import Record
from node.protocol.machine import JournalEntry
from scenarios.device.formats import LogFormat
from scenarios.device.narrator import RECORDS, TEXTS, Narrator, TextTeller, teller_of

AT = time.mktime((2026, 1, 2, 3, 4, 5, 0, 0, -1))


def record(kind: str, quantity: float = 5.0, price: float = 0.5, charge: float = 2.5) -> Record:
    return Record(AT, "shop/shop", kind, "a/a", 1, 2, quantity, price, charge)


def entry(kind: str) -> JournalEntry:
    return JournalEntry(AT, "shop/shop", kind, "a/a", 0, 1, 2, 5.0, 2.5)


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def narrator(output: io.StringIO) -> Narrator:
    return Narrator(TextTeller(Console(file=output, width=40)))


def lines(output: io.StringIO) -> list[str]:
    return output.getvalue().splitlines()


def test_a_line_has_the_time_of_day_and_is_never_broken(narrator: Narrator, output: io.StringIO) -> None:
    narrator.records([record("bid")])
    assert lines(output) == ["03:04:05  bid: 5 MB at 0.5 per MB, to a/a"]


@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_every_told_record_has_a_text(narrator: Narrator, output: io.StringIO, kind: str) -> None:
    narrator.records([record(kind)])
    assert len(lines(output)) == 1
    assert "{" not in output.getvalue()


def test_what_binds_is_told_from_the_journal(narrator: Narrator, output: io.StringIO) -> None:
    narrator.entries([entry(kind) for kind in ("started", "offered", "sold", "accepted", "bought", "freed", "closed")])
    assert [line.split()[1] for line in lines(output)] == ["sold", "accepted:", "receipt:", "a/a"]


def test_a_clearing_that_changes_nothing_is_not_told(narrator: Narrator, output: io.StringIO) -> None:
    narrator.records([record("cleared"), record("cleared"), record("cleared", quantity=6.0)])
    assert len(lines(output)) == 2


def test_json_is_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    teller = teller_of(LogFormat.json)
    Narrator(teller).records([record("bid"), record("awarding")])
    teller.show("not in a log")
    teller.close()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0] == {
        "time_s": AT,
        "event": "bid",
        "peer": "a/a",
        "round": 1,
        "mb": 5.0,
        "money": 2.5,
        "price_per_mb": 0.5,
    }
    assert told[1]["event"] == "awarding"


def test_on_a_terminal_a_status_line_stands_below() -> None:
    screen = io.StringIO()
    teller = TextTeller(Console(file=screen, force_terminal=True, width=80))
    teller.show("all is well")
    teller.tell("open", AT)
    teller.close()
    assert "all is well" in screen.getvalue()
    assert "takes part from now on" in screen.getvalue()


def test_every_text_names_only_fields_in_braces() -> None:
    assert not [text for text in TEXTS.values() if re.search(r"{[^a-z_]", text)]
