"""What counts of sales, and which are in dispute."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given

from node.mechanism.valuation import Flat
from node.protocol.psp.trace import (
    AcceptanceInDoubt,
    Allocated,
    AuctionClosed,
    BidPlaced,
    Cleared,
    DoubtClearedUp,
    ExchangeRecord,
    PurchaseReceived,
    SaleRecalled,
    SaleSettled,
)
from node.protocol.topics import node_of
from node.protocol.trace import Record, Trace
from node.trace.psp.ledger import Amounts
from node.trace.psp.metrics import MarketMetrics
from node.trace.psp.sales import NOTHING, Excuses, SaleId, Verdict, is_disputed
from tests.records import records

SUPPLY = 60.0
S, T, A, B, STRANGER, IMPOSTOR = "h/s", "g/t", "a/a", "b/b", "x/x", "x/a"
NOBODY = Excuses()


def market(*told: Record[Trace]) -> MarketMetrics:
    metrics = MarketMetrics({"a": Flat(50, 2.0), "b": Flat(50, 1.0)}, ["s", "t"], {"s": SUPPLY})
    for record in told:
        metrics.add(record)
    return metrics


def says(node: str, what: Trace, time_s: float = 1.0) -> Record[Trace]:
    return Record(time_s, node, what)


def sold(seller: str, buyer: str, quantity: float, charge: float, round_: int = 1) -> Record[Trace]:
    return says(seller, SaleSettled(buyer, round_, quantity, charge))


def bought(buyer: str, seller: str, quantity: float, charge: float, round_: int = 1) -> Record[Trace]:
    return says(buyer, PurchaseReceived(seller, round_, quantity, charge))


def in_doubt(buyer: str, seller: str, quantity: float, charge: float, round_: int = 1) -> Record[Trace]:
    return says(buyer, AcceptanceInDoubt(seller, round_, quantity, charge))


def judged(*told: Record[Trace], excuses: Excuses = NOBODY) -> tuple[list[Amounts], list[SaleId]]:
    """What counts of each sale, and which are in dispute."""
    verdicts = market(*told).verdicts()
    return [one.counted for one in verdicts], [one.sale for one in verdicts if is_disputed(one, excuses)]


def test_what_both_sides_tell_counts_whoever_tells_first() -> None:
    sale = [sold(S, A, 20.0, 5.0), bought(A, S, 20.0, 5.0)]
    assert judged(*sale) == judged(*sale[::-1]) == ([(20.0, 5.0)], [])


def test_a_seller_whose_supply_jumps_sells_more() -> None:
    metrics = market(sold(S, A, 80.0, 5.0), bought(A, S, 80.0, 5.0))
    assert [one.counted for one in metrics.verdicts()] == [NOTHING]
    metrics.allow({"s": 2.0 * SUPPLY})
    assert [one.counted for one in metrics.verdicts()] == [(80.0, 5.0)]


def test_of_amounts_that_differ_the_smaller_count() -> None:
    assert judged(sold(S, A, 20.0, 5.0), bought(A, S, 18.0, 6.0)) == ([(18.0, 5.0)], [(S, A, 1)])


@pytest.mark.parametrize("alone", [sold(S, A, 20.0, 5.0), bought(A, S, 20.0, 5.0)], ids=["sold", "bought"])
def test_what_one_side_tells_alone_does_not_count(alone: Record[Trace]) -> None:
    assert judged(alone) == ([NOTHING], [(S, A, 1)])


@pytest.mark.parametrize("alone", [sold(S, A, 20.0, 5.0), bought(A, S, 20.0, 5.0)], ids=["sold", "bought"])
@pytest.mark.parametrize(
    ("excuses", "is_excused"),
    [
        (Excuses(since_s=0.5), True),
        (Excuses(since_s=1.5), False),
        (Excuses(down={"h"}), True),
        (Excuses(down={"a"}), True),
        (Excuses(down={"b", "g"}), False),
    ],
)
def test_an_answer_on_its_way_and_a_killed_host_are_no_dispute(
    alone: Record[Trace], excuses: Excuses, is_excused: bool
) -> None:
    assert judged(alone, excuses=excuses) == ([NOTHING], [] if is_excused else [(S, A, 1)])


def test_nothing_excuses_amounts_that_differ() -> None:
    told = sold(S, A, 20.0, 5.0), bought(A, S, 18.0, 5.0)
    assert judged(*told, excuses=Excuses(0.0, {"h", "a"}))[1] == [(S, A, 1)]


def test_a_buyer_in_doubt_is_bound_by_what_it_accepted() -> None:
    assert judged(sold(S, A, 20.0, 5.0), in_doubt(A, S, 20.0, 5.0)) == ([(20.0, 5.0)], [])
    assert judged(sold(S, A, 20.0, 5.0), in_doubt(A, S, 20.0, 4.0)) == ([(20.0, 4.0)], [(S, A, 1)])


def test_a_doubt_without_a_sale_is_no_sale() -> None:
    assert judged(in_doubt(A, S, 20.0, 5.0)) == ([], [])


def test_a_doubt_that_is_cleared_up_without_a_receipt_leaves_the_seller_alone() -> None:
    cleared_up = says(A, DoubtClearedUp(S, 1, 20.0, 5.0))
    assert judged(sold(S, A, 20.0, 5.0), in_doubt(A, S, 20.0, 5.0), cleared_up) == ([NOTHING], [(S, A, 1)])


def test_nobody_reads_what_a_stranger_tells_so_the_seller_is_believed() -> None:
    assert judged(sold(S, STRANGER, 20.0, 5.0)) == ([(20.0, 5.0)], [])
    assert judged(bought(A, "x/s2", 20.0, 5.0)) == ([], [])


def test_who_bears_the_name_of_a_buyer_is_not_that_buyer() -> None:
    told = sold(S, IMPOSTOR, 30.0, 9.0), sold(S, A, 20.0, 5.0), bought(A, S, 20.0, 5.0)
    assert judged(*told) == ([(20.0, 5.0), NOTHING], [(S, IMPOSTOR, 1)])


def test_no_seller_sells_more_than_it_has() -> None:
    told = sold(S, STRANGER, 50.0, 5.0), sold(S, A, 40.0, 5.0), bought(A, S, 40.0, 5.0), sold(S, STRANGER, 20.0, 1.0, 2)
    counted, disputed = judged(*told)
    assert counted == [(40.0, 5.0), NOTHING, (20.0, 1.0)]
    assert disputed == [(S, STRANGER, 1)]


def test_without_a_known_supply_there_is_no_such_limit() -> None:
    assert judged(sold(T, STRANGER, 1e12, 5.0)) == ([(1e12, 5.0)], [])


def test_both_sides_together_sell_no_more_than_there_is() -> None:
    assert judged(sold(S, A, 61.0, 5.0), bought(A, S, 61.0, 5.0)) == ([NOTHING], [(S, A, 1)])


def test_only_the_first_word_of_each_side_is_heeded() -> None:
    again = says(S, SaleRecalled(A, 1, 1.0, 1.0)), bought(A, S, 2.0, 2.0)
    assert judged(sold(S, A, 20.0, 5.0), bought(A, S, 20.0, 5.0), *again) == ([(20.0, 5.0)], [])


def test_a_buyer_sells_nothing_and_a_seller_buys_nothing() -> None:
    assert judged(sold(A, B, 20.0, 5.0), bought(S, T, 20.0, 5.0)) == ([], [])


# What becomes of the figures


def test_figures_go_by_what_counts_once_all_is_told() -> None:
    metrics = market(
        sold(S, A, 20.0, 5.0),
        bought(A, S, 20.0, 5.0),
        sold(S, B, 30.0, 9.0),
        sold(T, A, 10.0, 3.0),
        bought(A, T, 5.0, 3.0),
        says(S, AuctionClosed(1, 50.0, 14.0)),
    )
    assert metrics.welfare == pytest.approx(60.0 + 30.0)
    metrics.finish()
    assert metrics.welfare == pytest.approx(50.0)
    assert [metrics.positions[key].total for key in (("s", "a"), ("s", "b"), ("t", "a"))] == [20.0, 0.0, 5.0]
    assert (metrics.auctions["s"].sold, metrics.auctions["s"].revenue) == (20.0, 5.0)


def test_what_does_not_count_leaves_no_rounding() -> None:
    right = sold(S, A, 20.1, 5.7), bought(A, S, 20.1, 5.7)
    plain, lied_to = market(*right), market(*right, sold(T, A, 1e12, 1e21), sold(S, A, 1e12, 1e21, 2))
    for metrics in (plain, lied_to):
        metrics.finish()
    assert lied_to.welfare == plain.welfare
    assert lied_to.positions["s", "a"] == plain.positions["s", "a"]


def test_a_closed_auction_has_sold_nothing_that_it_told_of_no_sale() -> None:
    metrics = market(says(S, AuctionClosed(1, 50.0, 14.0)))
    metrics.finish()
    assert (metrics.auctions["s"].sold, metrics.auctions["s"].revenue) == (0.0, 0.0)


def test_an_open_auction_keeps_what_it_last_told() -> None:
    metrics = market(says(S, Cleared(1, 0, 50.0, 1.0, 14.0)))
    metrics.finish()
    assert metrics.auctions["s"].sold == 50.0


@pytest.mark.parametrize(
    ("bid", "allocated", "left"),
    [(30.0, 20.0, 20.0), (15.0, 20.0, 15.0), (None, 20.0, 0.0), (100.0, 80.0, SUPPLY)],
)
def test_what_a_buyer_would_get_reaches_as_far_as_its_bid_and_the_supply(
    bid: float | None, allocated: float, left: float
) -> None:
    told = [] if bid is None else [says(A, BidPlaced(S, 0, 1, bid, 2.0))]
    metrics = market(*told, says(S, Allocated(A, 1, allocated, 30.0)))
    metrics.finish()
    position = metrics.positions["s", "a"]
    assert position.total == pytest.approx(left)
    assert position.total_charge <= 2.0 * left


def test_what_strangers_would_get_reaches_as_far_as_the_supply() -> None:
    metrics = market(*(says(S, Allocated(f"x/x{k}", 1, 50.0, 1.0)) for k in range(3)))
    metrics.finish()
    assert [metrics.positions["s", f"x{k}"].total for k in range(3)] == pytest.approx([50.0, 10.0, 0.0])


# Laws


def oracle(told: Sequence[Record[Trace]]) -> dict[SaleId, Amounts]:
    """What counts of sales at sellers of unlimited supply, read off the whole list at once for each sale."""
    first: dict[tuple[str, SaleId], Amounts] = {}
    doubts: dict[SaleId, Amounts] = {}
    for node, what in [(one.node, one.what) for one in told]:
        match what:
            case SaleSettled() | SaleRecalled() if node_of(node) in {"s", "t"}:
                sale = SaleId(node, what.buyer, what.round)
                first.setdefault(("sold", sale), Amounts(what.quantity_mb, what.charge_money))
            case PurchaseReceived() if node_of(node) not in {"s", "t"}:
                sale = SaleId(what.seller, node, what.round)
                first.setdefault(("bought", sale), Amounts(what.quantity_mb, what.charge_money))
            case AcceptanceInDoubt():
                doubts[SaleId(what.seller, node, what.round)] = Amounts(what.quantity_mb, what.charge_money)
            case DoubtClearedUp():
                doubts.pop(SaleId(what.seller, node, what.round), None)
    counted = {}
    for side, sale in first:
        if side == "sold":
            own, other = first["sold", sale], first.get(("bought", sale), doubts.get(sale))
            if other:
                counted[sale] = Amounts(min(own[0], other[0]), min(own[1], other[1]))
            elif node_of(sale.buyer) not in {"a", "b", "s", "t"}:
                counted[sale] = own
    return counted


SALES = SaleSettled | SaleRecalled | PurchaseReceived | AcceptanceInDoubt | DoubtClearedUp
EVERYBODY = [S, T, A, B, STRANGER, IMPOSTOR]


@given(records(SALES, [T, A, STRANGER, IMPOSTOR]))
def test_what_counts_is_what_the_oracle_says(told: list[Record[Trace]]) -> None:
    counted = {one.sale: one.counted for one in market(*told).verdicts() if one.counted != NOTHING}
    assert counted == oracle(told)


@given(records(SALES, EVERYBODY))
def test_nothing_counts_for_more_than_any_side_tells_or_the_seller_has(told: list[Record[Trace]]) -> None:
    verdicts = market(*told).verdicts()
    for one in verdicts:
        for word in (one.sold, one.bought):
            assert word is None or (one.counted.quantity, one.counted.charge) <= (math.inf, word.amounts.charge)
            assert word is None or one.counted.quantity <= word.amounts.quantity
    of_s = math.fsum(one.counted.quantity for one in verdicts if node_of(one.sale.seller) == "s")
    assert of_s <= SUPPLY * (1.0 + 1e-8)


@given(records(SALES, EVERYBODY))
def test_every_difference_is_in_dispute_and_nothing_else(told: list[Record[Trace]]) -> None:
    def differs(one: Verdict) -> bool:
        words = [word.amounts for word in (one.sold, one.bought) if word]
        return any(word != one.counted for word in words)

    for one in market(*told).verdicts():
        assert is_disputed(one, NOBODY) == differs(one)


@given(records(ExchangeRecord, EVERYBODY))
def test_figures_are_finite_whatever_is_told(told: list[Record[Trace]]) -> None:
    metrics = market(*told)
    metrics.finish()
    assert math.isfinite(metrics.welfare)
    assert metrics.welfare <= 150.0 * max(1.0, *metrics.factor.values()) * (1 + 1e-9)
    for (seller, _), position in metrics.positions.items():
        assert seller in {"s", "t"}
        assert 0.0 <= position.total <= 1e16
        assert math.isfinite(position.total_charge)
    for seller in ("s", "t"):
        assert len(metrics.tranches(seller)) <= 101
