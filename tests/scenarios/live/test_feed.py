"""What viewers are sent."""

import math
from collections.abc import Sequence

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.psp.trace import BidPlaced, Cleared
from node.protocol.trace import Record, Trace
from scenarios.live.feed import MOST_LINES, MOST_ROWS, MOST_TEXT, REST, Feed, Viewer, Wish, ordered
from scenarios.markets.load import load
from scenarios.markets.panels import Value
from scenarios.markets.psp.view import ExchangeView
from scenarios.markets.registry import draw_market

MARKET = draw_market(load("neighbourhood"), 0)

BID: Record[Trace] = Record(1.0, "h/buyer-1", BidPlaced("h/seller-1", 0, 1, 20.0, 1.5))
CLEARED: Record[Trace] = Record(1.5, "h/seller-1", Cleared(1, 1, 20.0, 0.7, 3.0))


def feed() -> Feed:
    return Feed(lambda: ExchangeView(MARKET), "folder")  # type: ignore[arg-type]


def received(source: Feed, viewer: Viewer) -> dict[str, object]:
    frame = source.frame(viewer)
    return {} if frame is None else msgpack.unpackb(frame)


def test_a_new_viewer_gets_all_and_then_what_changes() -> None:
    source, viewer = feed(), Viewer()
    first = received(source, viewer)
    assert {"layout", "figures", "courses", "drawings", "tables", "log", "detail", "pace", "marks"} <= first.keys()
    assert received(source, viewer) == {}
    source.take([BID])
    news = received(source, viewer)
    assert news["figures"]["bids"] == 1  # type: ignore[index]
    assert "layout" not in news


def test_a_viewer_that_missed_frames_is_as_whole_as_one_that_did_not() -> None:
    source, quick, slow = feed(), Viewer(), Viewer()
    state = received(source, quick)
    late = received(source, slow)
    for record in (BID, CLEARED):
        source.take([record])
        state |= received(source, quick)
    assert late | received(source, slow) == state == received(source, Viewer())


def test_what_one_viewer_wants_another_does_not_get() -> None:
    source, one, other = feed(), Viewer(Wish(follow="seller-1", search="buyer-4", sort="name")), Viewer()
    source.take([BID, CLEARED])
    mine, theirs = received(source, one), received(source, other)
    assert mine["detail"]["node"] == "seller-1"  # type: ignore[index]
    assert theirs["detail"] is None
    names = [row[0] for row in mine["tables"]["nodes"]["rows"]]  # type: ignore[index]
    assert names == ["buyer-4", *(f"buyer-{k}" for k in range(40, 50))]
    assert theirs["tables"]["nodes"]["found"] == 60  # type: ignore[index]


def test_a_course_of_one_node_comes_on_demand() -> None:
    source, viewer = feed(), Viewer(Wish(lines={"price": ["seller-1", "nobody"], "none": ["seller-1"]}))
    source.take([BID, CLEARED])
    source.end()
    assert received(source, viewer)["singles"] == {
        "price": {"seller-1": source_curves(source)},
        "none": {},
    }


def source_curves(source: Feed) -> object:
    curves = source.view.single("price", "seller-1")
    assert curves is not None
    return {"time_s": curves.time_s, "lines": dict(curves.lines)}


@given(
    st.builds(
        Wish,
        sort=st.text(max_size=300),
        first=st.integers(-(2**63), 2**63 - 1),
        count=st.integers(-(2**63), 2**63 - 1),
        search=st.text(max_size=300),
        kinds=st.none() | st.lists(st.text(), max_size=5),
        lines=st.dictionaries(st.text(), st.lists(st.text(), max_size=30), max_size=30),
        follow=st.text(max_size=300),
    )
)
def test_whatever_a_page_wants_stays_within_bounds(wish: Wish) -> None:
    bounded = wish.bounded()
    assert 1 <= bounded.count <= MOST_ROWS
    assert bounded.first >= 0
    assert max(len(bounded.search), len(bounded.follow), len(bounded.sort)) <= MOST_TEXT
    assert all(len(names) <= MOST_LINES for names in bounded.lines.values())
    source = feed()
    source.take([BID])
    assert received(source, Viewer(bounded))


@pytest.mark.parametrize(
    ("values", "descending", "wanted"),
    [
        ([3.0, None, 1.0], False, [2, 0, 1]),
        ([3.0, None, 1.0], True, [0, 2, 1]),
        (["b-10", "b-9", "a-2"], False, [2, 1, 0]),
    ],
)
def test_rows_without_a_value_come_last_and_names_are_counted(
    values: Sequence[Value], descending: bool, wanted: list[int]
) -> None:
    assert ordered(range(len(values)), values, descending=descending) == wanted


def test_it_has_ended_when_it_is_told_so() -> None:
    source = feed()
    source.take([BID])
    assert source.state == "running"
    source.end()
    assert received(source, Viewer())["pace"]["state"] == "ended"  # type: ignore[index]
    assert math.isfinite(source.view.now_s)


def test_what_takes_long_to_make_is_made_seldom_while_the_market_runs_and_at_its_end_at_once() -> None:
    now = [0.0]

    class Slow(ExchangeView):
        def figures(self) -> dict[str, Value]:
            now[0] += 1.0
            return super().figures()

    source, viewer = Feed(lambda: Slow(MARKET), "folder", clock=lambda: now[0]), Viewer()  # type: ignore[arg-type]
    source.take([BID])
    assert received(source, viewer)["figures"]["bids"] == 1  # type: ignore[index]
    source.take([BID])
    assert "figures" not in received(source, viewer)
    now[0] += REST
    assert received(source, viewer)["figures"]["bids"] == 2  # type: ignore[index]
    source.take([BID])
    source.end()
    assert received(source, viewer)["figures"]["bids"] == 3  # type: ignore[index]
