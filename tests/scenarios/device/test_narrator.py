"""What a node tells of what it does."""

import io
import json
import re
import time

import pytest
from rich.console import Console

from node.protocol.journal import JournalEntry
from node.protocol.psp.journal import ExchangeEntry
from node.protocol.psp.trace import AuctionClosed, Awarding, BidPlaced, Cleared, ExchangeRecord
from node.protocol.trace import Record, Trace
from scenarios.device.formats import LogFormat
from scenarios.device.narrator import TEXTS, Narrator, TextTeller, teller_of
from tests.kinds import examples

AT = time.mktime((2026, 1, 2, 3, 4, 5, 0, 0, -1))


def record(what: Trace) -> Record[Trace]:
    return Record(AT, "shop/shop", what)


BID = record(BidPlaced("a/a", 1, 2, 5.0, 0.5))


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def narrator(output: io.StringIO) -> Narrator:
    return Narrator(TextTeller(Console(file=output, width=40)))


def lines(output: io.StringIO) -> list[str]:
    return output.getvalue().splitlines()


def test_a_line_has_the_time_of_day_and_is_never_broken(narrator: Narrator, output: io.StringIO) -> None:
    narrator.records([BID])
    assert lines(output) == ["03:04:05  bid: 5 MB at 0.5 per MB, to a/a"]


SILENT = {"allocated", "settled", "recalled", "bought", "supply", "valuation", "resumed", "joined", "left"}
"""What the journal tells, or the user knows."""


@pytest.mark.parametrize("what", examples(ExchangeRecord), ids=lambda what: what.kind)
def test_every_told_record_has_a_text(narrator: Narrator, output: io.StringIO, what: Trace) -> None:
    narrator.records([record(what)])
    assert len(lines(output)) == (what.kind not in SILENT)
    assert "{" not in output.getvalue()


def test_what_binds_is_told_from_the_journal(narrator: Narrator, output: io.StringIO) -> None:
    narrator.entries([JournalEntry(AT, "shop/shop", entry) for entry in examples(ExchangeEntry)])
    assert [line.split()[1] for line in lines(output)] == ["sold", "accepted:", "receipt:", "a/a", "no"]


def test_a_clearing_that_changes_nothing_is_not_told(narrator: Narrator, output: io.StringIO) -> None:
    narrator.records([record(Cleared(1, 2, sold_mb, 0.5, 2.5)) for sold_mb in (5.0, 5.0, 6.0)])
    assert len(lines(output)) == 2


def test_the_end_of_an_auction_in_an_earlier_life_is_told_as_such(narrator: Narrator, output: io.StringIO) -> None:
    narrator.was_over = True
    narrator.records([record(AuctionClosed(1, 60.0, 30.0))])
    assert lines(output) == [
        "03:04:05  its auction was over before it was started again: sold 60 MB for 30",
    ]


def test_json_is_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    teller = teller_of(LogFormat.json)
    Narrator(teller).records([BID, record(Awarding(1))])
    teller.show("not in a log")
    teller.close()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0] == {
        "time_s": AT,
        "event": "bid",
        "peer": "a/a",
        "round": 1,
        "mb": 5.0,
        "price_per_mb": 0.5,
    }
    assert told[1] == {"time_s": AT, "event": "awarding", "round": 1}


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
