"""What a buyer is bound by, against a list of its awards."""

import math
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from node.protocol.machine import Effect, Persist
from node.protocol.psp.auction_view import Auction
from node.protocol.psp.journal import Accepted, Bought, Freed
from node.protocol.psp.messages import Award, Settled, Void
from node.protocol.psp.purchases import Purchases
from node.protocol.psp.trace import PurchaseReceived

Fate = Literal["bought", "freed", "open"]

AMOUNTS = st.floats(0.0, 1e6)
HISTORIES = st.lists(st.tuples(AMOUNTS, AMOUNTS, st.sampled_from(["bought", "freed", "open"])), max_size=12)


def lived(history: list[tuple[float, float, Fate]]) -> tuple[Purchases, list[Accepted | Bought | Freed]]:
    """A buyer that was given one award by each seller, and what it wrote down."""
    purchases, written = Purchases(math.inf), list[Accepted | Bought | Freed]()
    for k, (quantity, charge, fate) in enumerate(history):
        auction = Auction(f"s{k}/seller")
        effects = [*purchases.accept(0.0, auction, Award(0, 1, 1, quantity, charge))]
        if fate == "bought":
            effects += purchases.receive(auction, Settled(0, 1, quantity, charge))
        elif fate == "freed":
            effects += purchases.release(auction, Void(0, 1))
        written += [effect.entry for effect in effects if isinstance(effect, Persist)]  # type: ignore[misc]
        receipts = [effect for effect in effects if isinstance(effect, PurchaseReceived)]
        assert receipts == ([PurchaseReceived(auction.seller, 1, quantity, charge)] if fate == "bought" else [])
    return purchases, written


@given(HISTORIES)
def test_buyer_holds_and_pays_what_it_was_not_freed_of(history: list[tuple[float, float, Fate]]) -> None:
    purchases, _ = lived(history)
    kept = [(quantity, charge) for quantity, charge, fate in history if fate != "freed"]
    assert math.isclose(purchases.held, math.fsum(quantity for quantity, _ in kept), rel_tol=1e-9, abs_tol=1e-3)
    assert math.isclose(purchases.paid, math.fsum(charge for _, charge in kept), rel_tol=1e-9, abs_tol=1e-3)


@given(HISTORIES)
def test_another_life_remembers_the_same_to_the_last_bit(history: list[tuple[float, float, Fate]]) -> None:
    purchases, written = lived(history)
    again, auctions, told = Purchases(math.inf), dict[str, Auction](), list[Effect]()
    for entry in written:
        told += again.remember(0.0, auctions.setdefault(entry.seller, Auction(entry.seller)), entry)
    assert (again.held, again.paid) == (purchases.held, purchases.paid)
    assert told == [
        PurchaseReceived(entry.seller, entry.round, entry.quantity_mb, entry.charge_money)
        for entry in written
        if isinstance(entry, Bought)
    ]
    assert sum(auction.bound is not None for auction in auctions.values()) == sum(
        fate == "open" for *_, fate in history
    )


def test_award_must_keep_within_demand_and_budget() -> None:
    purchases = Purchases(10.0)
    list(purchases.accept(0.0, Auction("s/seller"), Award(0, 1, 1, 30.0, 6.0)))
    assert purchases.allows(Award(0, 1, 1, 20.0, 4.0), demand_mb=50.0)
    assert not purchases.allows(Award(0, 1, 1, 20.1, 4.0), demand_mb=50.0)
    assert not purchases.allows(Award(0, 1, 1, 20.0, 4.1), demand_mb=50.0)
    assert (purchases.left, Purchases(5.0).left) == (4.0, 5.0)
