"""What happened, in words."""

from string import Formatter
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from node.protocol.dmp.trace import CallRecord
from node.protocol.psp.trace import AuctionClosed, BidPlaced, ExchangeRecord, SupplyRevised
from node.protocol.trace import Record, Trace
from node.runtime.faults.plan import FaultBegun, FaultHealed
from scenarios.markets.chronicle import MOST_OF_A_KIND, Chronicle, Mark
from scenarios.markets.dmp import panels as of_calls
from scenarios.markets.psp import panels as of_exchange
from tests.records import records


def bid(number: int) -> Record[Trace]:
    return Record(float(number), "h/ann", BidPlaced("h/shop", 1, number, 20.0, 1.5))


def told(*given: Record[Trace]) -> Chronicle:
    chronicle = Chronicle(of_exchange.EVENTS)
    for record in given:
        chronicle.add(record)
    return chronicle


def test_a_record_reads_as_a_sentence() -> None:
    (entry,) = told(bid(1)).latest({"bid"})
    assert (entry.node, entry.text) == ("ann", "bids for 20 MB at 1.5 per MB with shop")


def test_the_newest_come_first_and_kinds_and_words_choose() -> None:
    closed = Record(9.0, "h/shop", AuctionClosed(3, 20.0, 30.0))
    chronicle = told(bid(1), bid(2), closed)
    assert [one.time_s for one in chronicle.latest({"bid", "closed"})] == [9.0, 2.0, 1.0]
    assert [one.kind for one in chronicle.latest({"closed"})] == ["closed"]
    assert [one.kind for one in chronicle.latest({"bid", "closed"}, "ANN BIDS")] == ["bid", "bid"]
    assert len(chronicle.latest({"bid", "closed"}, most=1)) == 1


def test_frequent_events_do_not_push_out_rare_ones() -> None:
    closed = Record(0.0, "h/shop", AuctionClosed(3, 20.0, 30.0))
    chronicle = told(closed, *(bid(number) for number in range(2 * MOST_OF_A_KIND)))
    assert len(chronicle.latest({"closed"})) == 1
    assert len(chronicle.latest({"bid"}, most=10_000)) == MOST_OF_A_KIND


def test_a_fault_is_marked_from_its_beginning_to_its_end() -> None:
    begun = Record(1.0, "chaos/partition", FaultBegun(["h1", "h2"], 0.0))
    other = Record(1.5, "chaos/partition", FaultBegun(["h3"], 0.0))
    healed = Record(2.0, "chaos/partition", FaultHealed(["h1", "h2"], 0.0))
    assert list(told(begun, other, healed).marks) == [
        Mark("partition", "partition h1, h2", 1.0, 2.0),
        Mark("partition", "partition h3", 1.5, None),
    ]


def test_a_shift_is_marked_where_it_happens() -> None:
    supply = Record(3.0, "h/shop", SupplyRevised(40.0))
    assert list(told(supply).marks) == [Mark("shift", "shop now has 40 MB to sell", 3.0, 3.0)]


@given(records(ExchangeRecord, ["h/s", "h/a"]), st.booleans())
def test_every_record_of_an_exchange_has_words_or_none(given: list[Record[Trace]], is_all: bool) -> None:
    chronicle = told(*given)
    kinds = {event.key for event in chronicle.events} if is_all else set()
    known = [record for record in given if record.kind in kinds]
    assert len(chronicle.latest(kinds, most=1000)) == len(known)


def test_words_name_fields_that_records_have() -> None:
    """A sentence that names another field would end in an error only when such a record comes."""
    for events, union in ((of_exchange.EVENTS, ExchangeRecord), (of_calls.EVENTS, CallRecord)):
        kinds = {kind.__struct_config__.tag: kind for kind in get_args(union)}
        for event in events:
            fields = {name for _, name, _, _ in Formatter().parse(event.text) if name}
            assert fields <= {"node", *kinds[event.key].__struct_fields__}, event.key
