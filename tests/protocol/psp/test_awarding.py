"""Awards, and what becomes of charges when winners decline, for any book: laws and a dumb oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.psp import MECHANISMS, AuctionMechanism
from node.protocol.machine import Effect, Opened, Started
from node.protocol.psp.messages import Accept, Award, Decline, Hold, Profile, Settled
from node.protocol.psp.seller import Seller
from node.strategy.psp.reserve import FixedReserve, HighestLosingReserve, ReserveRule
from tests.protocol.psp.bench import TIMING, SellerBench, sent, sent_as

SUPPLY, RESERVE = 100.0, 1.0
BIDS = st.lists(st.tuples(st.integers(1, 120), st.integers(1, 9)), min_size=1, max_size=8)


def name(k: int) -> str:
    return f"b{k}/buyer"


def number(buyer: str) -> int:
    return int(buyer.removeprefix("b").removesuffix("/buyer"))


class Awarded:
    """An auction from its bids to its end; those who decline do so whenever they are asked."""

    def __init__(
        self, bids: list[tuple[int, int]], decliners: set[int], rule: ReserveRule, mechanism: AuctionMechanism
    ) -> None:
        self.bench = SellerBench()
        self.bench.machine = Seller(SUPPLY, rule, TIMING, mechanism=mechanism)
        self.bench.step(Started())
        self.bench.step(Opened())
        self.awards: dict[str, Award] = {}
        self.receipts: dict[str, Settled] = {}
        self.declined: dict[str, int] = {}
        for k, bid in enumerate(bids):
            self.bench.bids(name(k), *bid)
        for buyer, shown in sent_as(Profile, self.bench.clears()).items():
            self.bench.hears(buyer, Hold(0, shown.round, 1, undecided=False))
        self.answers(self.bench.rests(), {name(k) for k in decliners})

    def answers(self, effects: list[Effect], decliners: set[str]) -> None:
        asked: dict[str, Award] = {}
        while True:
            for to, message in sent(effects):
                if isinstance(message, Award):
                    asked[to] = message
                elif isinstance(message, Settled):
                    self.receipts[to] = message
                elif isinstance(message, Profile):
                    effects += self.bench.hears(to, Hold(0, message.round, 1, undecided=False))
            if "clear" in self.bench.timers and not asked:
                effects = self.bench.clears()
                continue
            if not asked and not self.bench.machine.finished:
                effects = self.bench.rests()
                continue
            if not asked:
                return
            buyer, award = asked.popitem()
            if buyer in decliners:
                self.declined[buyer] = award.round
                effects = self.bench.hears(buyer, Decline(0, award.round, 1))
            else:
                assert buyer not in self.awards  # nobody is asked twice
                self.awards[buyer] = award
                effects = self.bench.hears(buyer, Accept(0, award.round, 1))


@given(BIDS, st.sets(st.integers(0, 7)), st.booleans(), st.sampled_from(sorted(MECHANISMS)))
def test_nobody_pays_more_than_it_accepted_and_nothing_is_sold_twice(
    bids: list[tuple[int, int]], decliners: set[int], is_fixed: bool, mechanism: str
) -> None:
    rule = FixedReserve(RESERVE) if is_fixed else HighestLosingReserve(RESERVE, 0.1)
    auction = Awarded(bids, decliners, rule, MECHANISMS[mechanism])
    assert auction.receipts.keys() == auction.awards.keys()
    assert sum(receipt.quantity for receipt in auction.receipts.values()) <= SUPPLY * (1 + 1e-9)
    for buyer, receipt in auction.receipts.items():
        award = auction.awards[buyer]
        assert receipt.quantity == award.quantity
        assert receipt.charge <= award.charge


@given(BIDS, st.sets(st.integers(0, 7)), st.sampled_from(sorted(MECHANISMS)))
def test_charges_are_those_of_the_book_without_who_declined(
    bids: list[tuple[int, int]], decliners: set[int], mechanism: str
) -> None:
    """What was accepted, or less where the bids that nobody has declined by then charge less."""
    auction = Awarded(bids, decliners, FixedReserve(RESERVE), MECHANISMS[mechanism])
    for buyer, receipt in auction.receipts.items():
        round_, award = receipt.round, auction.awards[buyer]
        gone = {one for one, at in auction.declined.items() if at <= round_}
        before = [one for one in auction.receipts if auction.receipts[one].round < round_]
        standing = [one for one in map(name, range(len(bids))) if one not in gone and one not in before]
        quantity, price = (np.array([float(bids[number(one)][which]) for one in standing]) for which in (0, 1))
        supply = SUPPLY - sum(auction.receipts[one].quantity for one in before)
        outcome = MECHANISMS[mechanism].clear(quantity, price, supply, RESERVE)
        mb, money = outcome.allocation[standing.index(buyer)], outcome.charge[standing.index(buyer)]
        is_changed = round_ in auction.declined.values()
        least = min(award.charge, money * award.quantity / mb) if is_changed else award.charge
        assert receipt.charge == pytest.approx(least)
