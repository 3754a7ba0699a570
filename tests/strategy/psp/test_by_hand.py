from collections.abc import Mapping

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from node.strategy.psp.by_hand import ByHand
from node.strategy.psp.offer import NOTHING, Offer, Target
from tests.strategy.psp.offers import Scripted, flat_need, offer

NEED = flat_need(100.0)
MINE, OTHER = Target(30.0, 2.0), Target(10.0, 1.5)
SELLERS = st.sampled_from("abcd")
CHOICES = st.dictionaries(SELLERS, st.builds(Target, st.floats(0.5, 50.0), st.floats(0.5, 5.0)))


def offers(standing: Mapping[str, Target], *sellers: str) -> list[Offer]:
    """The open auctions of these sellers, with the bids that stand there."""
    return [
        msgspec.structs.replace(offer(100.0), seller=seller, standing=standing.get(seller, NOTHING))
        for seller in sellers
    ]


def test_bids_what_was_chosen_at_whom_it_was_chosen_for() -> None:
    buyer = ByHand()
    buyer.choose({"b": MINE}, stand=False)
    assert buyer.decide(0.0, NEED, offers({}, "a", "b")).targets == [NOTHING, MINE]
    assert buyer.decide(0.0, NEED, offers({"b": MINE}, "b", "c")).targets == [MINE, NOTHING]


def test_is_asked_again_until_its_bids_stand() -> None:
    buyer = ByHand()
    assert buyer.decide(0.0, NEED, offers({}, "a")).reconsider
    buyer.choose({"a": MINE}, stand=True)
    assert not buyer.decide(0.0, NEED, offers({}, "a")).reconsider


def test_thinks_in_no_time_and_draws_nothing() -> None:
    random = Scripted(0.5)
    assert ByHand().think_time(10, 1.0, random) == 0.0
    assert random.asked == []


def test_what_was_won_or_struck_out_is_not_bid_again_until_it_is_chosen_again() -> None:
    buyer = ByHand()
    buyer.choose({"a": MINE, "b": OTHER}, stand=True)
    buyer.decide(0.0, NEED, offers({}, "a", "b"))
    buyer.decide(0.0, NEED, offers({"b": OTHER}, "b"))  # a asks whether it accepts
    assert buyer.decide(0.0, NEED, offers({"b": OTHER}, "a", "b")).targets == [NOTHING, OTHER]
    assert buyer.bids == {"b": OTHER}
    buyer.choose({"a": MINE, "b": OTHER}, stand=True)
    assert buyer.decide(0.0, NEED, offers({"b": OTHER}, "a", "b")).targets == [MINE, OTHER]


def test_what_was_taken_back_may_be_bid_again() -> None:
    buyer = ByHand()
    for chosen in ({"a": MINE}, {}, {"a": OTHER}):
        buyer.choose(chosen, stand=False)
        assert buyer.decide(0.0, NEED, offers({}, "a")).targets == [chosen.get("a", NOTHING)]


@given(st.lists(st.tuples(CHOICES, st.booleans(), st.sets(SELLERS), st.sets(SELLERS)), max_size=8))
def test_never_bids_what_nobody_chose(story: list[tuple[dict[str, Target], bool, set[str], set[str]]]) -> None:
    buyer, standing = ByHand(), dict[str, Target]()
    for chosen, stand, seen, gone in story:
        buyer.choose(chosen, stand=stand)
        standing = {seller: bid for seller, bid in standing.items() if seller not in gone}
        sellers = sorted(seen)
        decision = buyer.decide(0.0, NEED, offers(standing, *sellers))
        assert decision.targets is not None
        bids = dict(zip(sellers, decision.targets, strict=True))
        assert all(bid in (NOTHING, chosen.get(seller)) for seller, bid in bids.items())
        assert all(bids[seller] == chosen.get(seller, NOTHING) for seller in seen & standing.keys())
        assert decision.reconsider is not stand
        standing |= bids
        standing = {seller: bid for seller, bid in standing.items() if bid != NOTHING}
