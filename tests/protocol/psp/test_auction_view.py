import copy

from hypothesis import given
from hypothesis import strategies as st

from node.protocol.psp.auction_view import Auction
from node.strategy.psp.offer import NOTHING, Target
from tests.protocol.psp.bench import advert, profile


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
    auction.on_profile(type(shown)(**{**fields, "your_row": 1}))
    offer = auction.offer()
    assert offer.bids == ((40.0, 5.0), (3.0, 1.0))


def test_participants_are_the_rows_of_the_last_profile() -> None:
    auction = Auction("s/seller")
    assert auction.participants == 0
    auction.on_advert(advert(100))
    auction.place(Target(30.0, 2.0), now=0.0)
    auction.on_profile(profile(1, 1, (30.0, 2.0), (5.0, 1.0)))
    assert auction.participants == 2


def test_withdrawn_bid_forgets_its_profile() -> None:
    auction = Auction("s/seller")
    auction.on_advert(advert(70))
    auction.place(Target(30.0, 2.0), now=0.0)
    auction.on_profile(profile(1, 1, (30.0, 2.0), (5.0, 1.0)))
    auction.place(Target(0.0, 0.0), now=1.0)
    assert (auction.offer().supply, auction.offer().bids, auction.participants) == (70.0, ((), ()), 0)


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
                auction.on_profile(profile(at, bids, (30.0, 2.0), (float(at), 1.0)))
            case "loss":
                auction.lose()
            case _:
                assert auction.offer() is before
        fresh = copy.copy(auction)
        fresh._offer = None
        assert auction.offer() is auction.offer()
        assert (auction.offer(), auction.offer().bids) == (fresh.offer(), fresh.offer().bids)
