import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.psp.auction_view import Auction
from node.protocol.psp.messages import Profile
from node.strategy.psp.offer import NOTHING, Target
from tests.protocol.psp.bench import advert, award, fitting, profile


def test_unadvertised_auction_is_not_open_and_offers_nothing() -> None:
    auction = Auction("s/seller")
    assert (auction.is_open, auction.number) == (False, 0)
    assert (auction.offer().supply, auction.offer().whole) == (0.0, 0.0)


def test_opponents_are_the_book_without_own_row() -> None:
    auction = Auction("s/seller")
    auction.on_advert(advert(100))
    auction.place(Target(30.0, 2.0), now=0.0)
    shown = profile(1, 1, (40.0, 3.0), (30.0, 2.0), (5.0, 1.0))
    fields = {field: getattr(shown, field) for field in shown.__struct_fields__}
    auction.on_profile(type(shown)(**{**fields, "your_row": 1}), now=0.0)
    offer = auction.offer()
    assert offer.bids == ((40.0, 5.0), (3.0, 1.0))


def test_participants_are_the_rows_of_the_last_profile() -> None:
    auction = Auction("s/seller")
    assert auction.participants == 0
    auction.on_advert(advert(100))
    auction.place(Target(30.0, 2.0), now=0.0)
    auction.on_profile(profile(1, 1, (30.0, 2.0), (5.0, 1.0)), now=0.0)
    assert auction.participants == 2


def test_withdrawn_bid_forgets_its_profile() -> None:
    auction = Auction("s/seller")
    auction.on_advert(advert(70))
    auction.place(Target(30.0, 2.0), now=0.0)
    auction.on_profile(profile(1, 1, (30.0, 2.0), (5.0, 1.0)), now=0.0)
    auction.place(Target(0.0, 0.0), now=1.0)
    assert (auction.offer().supply, auction.offer().bids, auction.participants) == (70.0, ((), ()), 0)


def raised(*rivals: tuple[float, float], own: tuple[float, float] = (30.0, 3.0)) -> Auction:
    """An auction that asked 1 when the buyer bid, and now asks 2."""
    auction = Auction("s/seller")
    auction.on_advert(advert(100, reserve=1.0))
    assert auction.offer().reserve == auction.offer().asked == 1.0
    auction.place(Target(*own), now=0.0)
    auction.on_profile(asking(2.0, 1, own, *rivals), now=0.0)
    return auction


def asking(reserve: float, round_: int, own: tuple[float, float], *rivals: tuple[float, float]) -> Profile:
    return fitting(msgspec.structs.replace(profile(round_, 1, own, *rivals), reserve=reserve))


@pytest.mark.parametrize(
    ("rivals", "planned"),
    [
        pytest.param([(70.0, 4.0)], 1.0, id="winners take all"),
        pytest.param([(69.95, 2.0)], 1.0, id="winners take all but a sliver"),
        pytest.param([(60.0, 4.0), (50.0, 2.0)], 1.0, id="losers at the reserve"),
        pytest.param([(69.0, 4.0)], 2.0, id="some is left"),
        pytest.param([(69.0, 4.0), (50.0, 1.9)], 2.0, id="some is left by bids below"),
        pytest.param([], 2.0, id="alone"),
    ],
)
def test_reserve_planned_with_is_the_least_asked_where_bids_that_reach_it_take_all(
    rivals: list[tuple[float, float]], planned: float
) -> None:
    offer = raised(*rivals).offer()
    assert (offer.reserve, offer.asked) == (planned, 2.0)


@pytest.mark.parametrize(("own", "planned"), [((30.0, 2.0), 1.0), ((30.0, 1.9), 2.0)])
def test_own_bid_counts_towards_what_is_taken_where_it_reaches_the_reserve(
    own: tuple[float, float], planned: float
) -> None:
    assert raised((70.0, 4.0), own=own).offer().reserve == planned


def test_reserve_that_falls_is_planned_with_at_once_and_remembered_as_the_least() -> None:
    auction = raised((70.0, 4.0))
    auction.on_profile(asking(0.5, 2, (30.0, 3.0), (70.0, 4.0)), now=0.0)
    assert (auction.offer().reserve, auction.offer().asked) == (0.5, 0.5)
    auction.on_profile(asking(2.0, 3, (30.0, 3.0), (70.0, 4.0)), now=0.0)
    assert (auction.offer().reserve, auction.offer().asked) == (0.5, 2.0)


def test_reserve_planned_with_is_the_one_asked_where_the_buyer_has_no_bid() -> None:
    auction = raised((70.0, 4.0))
    auction.place(NOTHING, now=1.0)
    auction.on_advert(advert(0, seq=2, reserve=2.0))
    assert (auction.offer().reserve, auction.offer().asked) == (2.0, 2.0)


def test_who_declined_what_its_bid_was_awarded_plans_with_the_reserve_asked() -> None:
    """Else a buyer that the reserve asked costs more than its budget would bid and decline the same without end."""
    auction = raised((70.0, 4.0))
    auction.decline(award(30.0, 60.0, seq=0))
    assert auction.offer().reserve == 1.0
    auction.decline(award(30.0, 60.0))
    auction.place(Target(30.0, 3.0), now=1.0)
    shown = msgspec.structs.replace(asking(2.0, 2, (30.0, 3.0), (70.0, 4.0)), your_seq=2)
    auction.on_profile(shown, now=0.0)
    assert (auction.offer().reserve, auction.offer().asked) == (2.0, 2.0)


NEWS = st.sampled_from(["nothing", "advert", "bid", "bid", "profile", "profile", "withdrawal", "loss"])


@given(st.lists(NEWS, min_size=6, max_size=12))
def test_the_offer_is_kept_and_always_that_of_the_latest_news(course: list[str]) -> None:
    auction, bids = Auction("s/seller"), 0
    auction.on_advert(advert(100))
    for at, news in enumerate(course, start=2):
        before = auction.offer()
        match news:
            case "advert":
                auction.on_advert(advert(100 - at, seq=at))
            case "bid" if auction.is_open:
                auction.place(Target(30.0, 2.0), now=0.0)
                bids += 1
            case "withdrawal" if auction.is_open:
                auction.place(NOTHING, now=0.0)
                bids += 1
            case "profile" if auction.standing.quantity:
                auction.on_profile(profile(at, bids, (30.0, 2.0), (float(at), 1.0)), now=0.0)
            case "loss":
                auction.lose()
            case _:
                assert auction.offer() is before
        fresh = copy.copy(auction)
        fresh._offer = None
        assert auction.offer() is auction.offer()
        assert (auction.offer(), auction.offer().bids) == (fresh.offer(), fresh.offer().bids)
