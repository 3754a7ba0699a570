"""A buyer compares the book it is told with the one that the board names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.psp import MECHANISMS, AuctionMechanism
from node.protocol.machine import Effect, Message, PeerOffline
from node.protocol.psp.auction_view import Auction
from node.protocol.psp.book import Book
from node.protocol.psp.messages import Accept, Award, Bid, Closed, Decline, Profile, Settled, Withdraw
from node.protocol.psp.trace import SellerExposed
from node.protocol.wire.frames import encode_message
from node.strategy.psp.offer import Target
from node.strategy.psp.reserve import FixedReserve
from tests.protocol.codecs import EXCHANGE
from tests.protocol.psp.bench import (
    BuyerBench,
    S,
    T,
    Told,
    advert,
    award,
    bidding_buyer,
    digest_of,
    dropped,
    profile,
    sent,
    traced,
)

SEEN: Profile = profile(1, 1, (30, 2))
OTHER = bytes(15) + b"\1"


def deceived() -> BuyerBench:
    """The board names another book of round 1 at S than the one it was told."""
    bench = bidding_buyer()
    bench.hears(S, advert(0, seq=2, round_=1, digest=OTHER))
    return bench


def test_profile_must_fit_its_digest() -> None:
    bench = bidding_buyer()
    before = bench.state
    spoilt = profile(2, 1, (30, 2), (9, 9))
    spoilt.quantities[1] = 10.0
    assert dropped(bench.hears(S, spoilt)) == [("rejected", "profile does not fit its digest")]
    assert bench.state == before


def test_advert_of_the_book_that_was_told_is_no_exposure() -> None:
    effects = bidding_buyer().hears(S, advert(0, seq=2, round_=1, digest=digest_of(SEEN)))
    assert traced(effects) == []


def test_advert_of_another_round_says_nothing_of_the_book_that_was_told() -> None:
    assert traced(bidding_buyer().hears(S, advert(0, seq=2, round_=2, digest=OTHER))) == []


def test_advert_of_another_book_exposes_the_seller() -> None:
    effects = bidding_buyer().hears(S, advert(0, seq=2, round_=1, digest=OTHER))
    assert traced(effects) == ["exposed", "withdraw"]
    assert sent(effects) == [(S, Withdraw(0, 1, 2))]


def test_profile_of_another_book_than_advertised_exposes_the_seller() -> None:
    bench = bidding_buyer()
    bench.hears(S, advert(0, seq=2, round_=2, digest=OTHER))
    assert traced(bench.is_shown(S, 2, 1, (30, 2), (9, 9))) == ["exposed", "withdraw"]


def test_award_from_another_book_than_the_one_seen_exposes_the_seller() -> None:
    """It was not told of round 2, so that must have had the book of round 1."""
    bench = bidding_buyer()
    bench.hears(S, advert(0, seq=2, state="awarding", round_=2, digest=OTHER))
    effects = bench.hears(S, award(30, 30, round_=2))
    assert traced(effects) == ["exposed", "withdraw"]
    assert Accept not in {type(message) for _, message in sent(effects)}


def test_exposed_seller_is_not_waited_for() -> None:
    bench = deceived()
    assert bench.machine.finished
    bench.fires("retry")
    assert "retry" not in bench.timers


def test_no_award_of_an_exposed_seller_is_accepted() -> None:
    assert sent(deceived().hears(S, award(30, 30))) == [(S, Decline(0, 1, 1))]


def test_exposed_seller_that_advertises_anew_is_not_bid_at() -> None:
    bench = BuyerBench(Told([(30, 2), (20, 2)], [(50, 2)])).opened(s=100, t=100)
    bench.thinks()
    bench.is_shown(S, 1, 1, (30, 2))
    bench.is_shown(T, 1, 1, (20, 2))
    bench.hears(S, advert(0, seq=2, round_=1, digest=OTHER))
    bench.step(PeerOffline("s"))
    bench.hears(S, advert(100, seq=3))
    assert {to for to, message in sent(bench.thinks()) if isinstance(message, Bid)} == {T}


def test_award_before_its_advert_waits_for_it() -> None:
    bench = bidding_buyer()
    assert bench.hears(S, award(30, 30, round_=2)) == []
    effects = bench.hears(S, advert(0, seq=2, state="awarding", round_=2, digest=digest_of(SEEN)))
    assert (S, Accept(0, 2, 1)) in sent(effects)
    assert dropped(bench.hears(S, Settled(0, 2, 30, 30))) == []


def test_award_that_waits_is_forgotten_when_the_auction_goes_on() -> None:
    bench = bidding_buyer()
    bench.hears(S, award(30, 30, round_=2))
    assert sent(bench.hears(S, advert(0, seq=2, round_=3, digest=OTHER))) == []
    assert sent(bench.hears(S, advert(0, seq=3, state="awarding", round_=3, digest=OTHER))) == []


def test_award_of_a_round_before_the_advertised_is_overtaken() -> None:
    bench = bidding_buyer()
    bench.hears(S, advert(0, seq=2, round_=2, digest=OTHER))
    assert dropped(bench.hears(S, award(30, 30))) == [("ignored", "overtaken award")]


@pytest.mark.parametrize(
    ("quantity", "charge"), [(29, 29), (30, 29), (30, 31), (30, 60)], ids=["less", "cheaper", "dearer", "at its price"]
)
def test_award_that_does_not_follow_from_the_book_exposes_the_seller(quantity: float, charge: float) -> None:
    effects = bidding_buyer().is_awarded(S, award(quantity, charge))
    assert lies(effects) == ["another award"]
    assert sent(effects) == [(S, Withdraw(0, 1, 2))]


@given(
    st.sampled_from(list(MECHANISMS.values())),
    st.lists(st.tuples(st.integers(1, 60), st.integers(1, 9)), min_size=1, max_size=6),
    st.integers(1, 150),
)
def test_award_of_the_sellers_own_clearing_is_no_lie(
    mechanism: AuctionMechanism, rows: list[tuple[int, int]], supply: int
) -> None:
    """What a buyer works out again from the numbers of a profile is what its seller worked out."""
    book = Book()
    for k, (quantity, price) in enumerate(rows):
        book.put(f"b/{k}", Bid(0, 0, quantity, price, 1))
    book.clear(FixedReserve(2.0), supply, mechanism)
    for buyer, entry in book.items():
        auction = Auction("s/s", mechanism)
        auction.on_advert(advert(0, supply=supply))
        auction.place(Target(entry.quantity, entry.price), 0.0)
        auction.on_profile(EXCHANGE.message(encode_message(book.profile(entry))), now=0.0)  # type: ignore[arg-type]
        auction.on_advert(advert(0, seq=2, state="awarding", digest=book.digest))
        assert auction.lie_of(Award(0, 0, 1, max(entry.allocation, 1e-12), entry.charge)) is None, buyer
        assert auction.is_passed_over == (entry.allocation > 0.0)


def awaiting() -> BuyerBench:
    """The board says that S is awarding on the book that the buyer has seen, which gives it 30 MB."""
    bench = bidding_buyer()
    bench.hears(S, advert(0, seq=2, state="awarding", round_=1, digest=digest_of(SEEN)))
    return bench


@pytest.mark.parametrize(
    "end",
    [advert(0, seq=3, state="closed", round_=2), Closed(0), advert(70, seq=3, round_=2)],
    ids=["board", "word", "on"],
)
def test_seller_that_ends_its_awarding_without_what_the_book_gives_is_exposed(end: Message) -> None:
    assert lies(awaiting().hears(S, end)) == ["passed over"]


def test_seller_is_waited_for_while_it_is_awarding() -> None:
    assert lies(awaiting().hears(S, advert(0, seq=3, state="awarding", round_=1, digest=digest_of(SEEN)))) == []


def test_buyer_that_was_awarded_is_not_passed_over() -> None:
    bench = awaiting()
    bench.hears(S, award(30, 30))
    assert lies(bench.hears(S, advert(0, seq=3, state="closed", round_=2))) == []


def test_buyer_that_bid_anew_while_the_seller_awards_is_not_passed_over() -> None:
    bench = bidding_buyer([(25, 3), (20, 2)])
    bench.hears(S, advert(0, seq=2, state="awarding", round_=1, digest=digest_of(SEEN)))
    bench.thinks()
    assert lies(bench.hears(S, advert(70, seq=3, round_=2))) == []


def test_buyer_to_whom_the_book_gives_nothing_is_not_passed_over() -> None:
    bench = bidding_buyer()
    outbid = profile(2, 1, (30, 2), (100, 9))
    bench.hears(S, outbid)
    bench.hears(S, advert(0, seq=2, state="awarding", round_=2, digest=digest_of(outbid)))
    assert lies(bench.hears(S, Closed(0))) == []


def lies(effects: list[Effect]) -> list[str]:
    """What sellers were exposed for."""
    return [effect.lie for effect in effects if isinstance(effect, SellerExposed)]


def test_acceptance_stays_in_doubt_when_its_seller_is_exposed_later() -> None:
    bench = bidding_buyer()
    bench.is_awarded(S, award(30, 30))
    effects = bench.hears(S, advert(0, seq=3, round_=1, digest=OTHER))
    assert traced(effects) == ["exposed", "in-doubt"]
