"""Hosts that fall silent, are reported gone, or come back."""

import pytest

from tests.simulation.world import World, within, world


def two_sellers(seed: int = 1) -> World:
    market = world("two-sellers", seed, *within(0.5))
    market.open_market()
    return market


def kinds(market: World) -> list[str]:
    return [record.kind for record in market.records]


def test_crashed_bidder_frees_its_supply() -> None:
    market = two_sellers()
    market.runs_until("cleared")
    market.faults.crash("E")
    assert market.goes_on()
    assert market.bought("E") == 0.0
    assert {buyer: market.bought(buyer) for buyer in "ABCD"} == pytest.approx({"A": 50, "B": 40, "C": 26, "D": 20})
    market.check_books()


def test_winner_that_crashes_while_it_is_asked_reopens_its_auction() -> None:
    market = two_sellers()
    seller = market.runs_until("awarding").node.partition("/")[0]
    winners = [buyer for (of, buyer), position in market.metrics.positions.items() if of == seller and position.total]
    market.faults.crash(winners[0])
    assert market.goes_on()
    assert "reopened" in kinds(market)
    assert market.bought(winners[0]) == 0.0


def test_crashed_seller_loses_its_bidders_to_the_other() -> None:
    market = two_sellers()
    market.runs_until("cleared")
    market.faults.crash("2")
    assert market.goes_on()
    sold = market.sold()
    assert {seller for seller, _ in sold} == {"1"}
    assert sum(sold.values()) == pytest.approx(65.0)


def test_silent_bidder_is_given_up() -> None:
    market = two_sellers()
    market.runs_until("cleared")
    market.faults.cut_off("C")
    market.faults.dead.add("C")
    assert market.goes_on()
    assert "voided" in kinds(market)
    assert {buyer: market.bought(buyer) for buyer in "ABDE"} == pytest.approx({"A": 50, "B": 40, "D": 20, "E": 14})


def test_silent_seller_is_given_up() -> None:
    """The other seller must be patient: until then the buyers wait for their outstanding bids."""
    market = world("two-sellers", 1, "auction.quiet_period_s=300")
    market.open_market()
    market.faults.cut_off("2")
    market.faults.dead.add("2")
    assert market.goes_on()
    assert sum(market.sold().values()) == pytest.approx(65.0)


def test_bidder_reported_gone_bids_again_when_it_is_back() -> None:
    market = two_sellers()
    market.runs_until("cleared")
    market.faults.cut_off("C")
    market.faults.tell_offline("C")
    market.run(market.now + 0.3, 10_000)
    assert [record.what.buyer for record in market.records if record.kind == "voided"] == ["C/C"]
    market.faults.reconnect("C")
    assert market.goes_on()
    assert market.bought("C") == pytest.approx(26.0)
    market.check_books()


def test_seller_back_after_a_pause_is_bid_at_again() -> None:
    market = two_sellers()
    market.runs_until("cleared")
    market.faults.cut_off("2")
    market.faults.tell_offline("2")
    market.run(market.now + 0.3, 10_000)
    market.faults.reconnect("2")
    assert market.goes_on()
    assert sum(market.sold().values()) == pytest.approx(150.0)
    market.check_books()


@pytest.mark.parametrize("seed", range(10))
def test_short_silence_of_any_host_loses_nothing(seed: int) -> None:
    market = two_sellers(seed)
    for name in ("A", "1", "C", "2", "E"):
        market.run(market.now + 0.15, 100_000)
        market.faults.cut_off(name)
        market.run(market.now + 0.4, 100_000)
        market.faults.cut.discard(name)
    assert market.goes_on()
    market.check_books()
    assert all(market.bought(buyer) == pytest.approx(want) for buyer, want in {"B": 40, "C": 26, "D": 20}.items())


def cut_off_when_settling(market: World) -> str:
    """The seller that settles first is cut off before its receipt arrives; its name."""
    seller = market.runs_until("settled").node.partition("/")[0]
    market.faults.cut_off(seller)
    return seller


def test_acceptance_without_receipt_is_reported_in_doubt() -> None:
    market = two_sellers()
    market.faults.dead.add(cut_off_when_settling(market))
    assert market.goes_on()
    assert [record for record in market.records if record.kind == "in-doubt"]


def test_what_is_in_doubt_is_not_bought_again_until_it_binds_no_more() -> None:
    market = two_sellers()
    market.faults.dead.add(cut_off_when_settling(market))
    doubt = market.runs_until("in-doubt")
    buyer = doubt.node.partition("/")[0]
    assert market.buyers[buyer]._purchases.held >= doubt.what.quantity_mb
    market.goes_on()
    assert market.metrics.in_doubt == 0
    assert market.buyers[buyer]._purchases.held == pytest.approx(sum_of_receipts(market, buyer))


def sum_of_receipts(market: World, buyer: str) -> float:
    return sum(quantity for (_, of, _), (quantity, _) in market.receipts_of_buyers().items() if of == buyer)


@pytest.mark.parametrize("told", [False, True], ids=["silent", "reported gone"])
def test_seller_back_while_settling_ends_with_every_receipt_twinned(told: bool) -> None:
    market = two_sellers()
    seller = cut_off_when_settling(market)
    if told:
        market.faults.tell_offline(seller)
    market.run(market.now + 1.0, 10_000)
    market.faults.reconnect(seller)
    assert market.goes_on()
    market.check_books()
