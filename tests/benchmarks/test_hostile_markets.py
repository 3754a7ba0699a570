"""benchmarks/hostile_markets.py: who is hostile, what is compared with what, and that every harm is noticed."""

import dataclasses
import json
from collections.abc import Iterable

import msgspec
import pytest
from hostile_markets import (
    CHOICES,
    Finding,
    HostileMarket,
    Witness,
    exceptions,
    found,
    harms,
    limit_s,
    ran,
    rows,
    seeds,
)

from node.protocol.journal import Entry, JournalEntry
from node.protocol.machine import Dropped, Effect, Event, Persist, Received
from node.protocol.psp.journal import Accepted, Bought, Offered, Sold, Wanted
from node.protocol.psp.messages import Profile
from node.protocol.psp.trace import AcceptanceInDoubt, BidVoided, SellerExposed
from node.protocol.trace import Record, Trace
from node.trace.psp.ledger import Ledger
from tests.protocol.psp.bench import A, B, S, T, award, profile
from tests.simulation.hostile import HOSTILE_BUYERS, HOSTILE_SELLERS

SEEDS = [*seeds(0, 200, None)]


@pytest.fixture(scope="module")
def markets() -> list[HostileMarket]:
    return [HostileMarket.of(seed) for seed in SEEDS]


def sellers(market: HostileMarket) -> set[str]:
    return {seller["name"] for seller in market.tables["sellers"]}


# Who is hostile


def test_a_tenth_of_the_nodes_is_hostile(markets: list[HostileMarket]) -> None:
    for one in markets:
        assert 1 <= len(one.kinds) <= round(0.1 * len(one.market.user_names))
        assert one.kinds.keys() < {*one.market.user_names}
    exactly = [len(one.kinds) == round(0.1 * len(one.market.user_names)) for one in markets]
    assert sum(exactly) > 0.95 * len(markets)  # fewer only where nobody could trade any more


def test_every_kind_is_played_by_nodes_of_its_role(markets: list[HostileMarket]) -> None:
    played = {(kind, name in sellers(one)) for one in markets for name, kind in one.kinds.items()}
    assert played == {(kind, False) for kind in HOSTILE_BUYERS} | {(kind, True) for kind in HOSTILE_SELLERS}


def test_a_seed_is_one_market_to_the_byte(markets: list[HostileMarket]) -> None:
    again = [HostileMarket.of(seed) for seed in SEEDS]
    assert [(json.dumps(one.tables), one.kinds) for one in again] == [(json.dumps(o.tables), o.kinds) for o in markets]


def test_all_play_the_one_kind_that_is_asked_for() -> None:
    for seed in seeds(0, 20, "two books"):
        one = HostileMarket.of(seed, "two books")
        assert set(one.kinds.values()) == {"two books"}
        assert one.kinds.keys() <= sellers(one)


def test_no_budgets_that_bind_all_and_no_buyers_that_need_not_settle(markets: list[HostileMarket]) -> None:
    assert {one.drawn.chosen["budgets"] for one in markets} == {*CHOICES["budgets"]} == {"none", "mild"}
    assert {one.drawn.chosen["strategies"] for one in markets} == {"adaptive", "and opt-out"}


def test_without_the_hostile_nodes_the_others_are_who_they_were(markets: list[HostileMarket]) -> None:
    for one in markets:
        without, names = one.without, {*one.without.user_names}
        assert not names & one.kinds.keys()
        were = {buyer.name: buyer for buyer in one.market.buyers}
        assert without.buyers
        for buyer in without.buyers:
            was = were[buyer.name]
            assert buyer.pool == [seller for seller in was.pool if seller not in one.kinds]
            assert (buyer.valuation, buyer.strategy, buyer.budget_money) == (
                was.valuation,
                was.strategy,
                was.budget_money,
            )
        for name in were.keys() - names - one.kinds.keys():
            assert {*were[name].pool} <= one.kinds.keys()


# What is noticed


class Says:
    """A buyer that has this to say at whatever happens."""

    watches: frozenset[str] = frozenset()
    finished = True

    def __init__(self) -> None:
        self.effects: list[Effect] = []

    def step(self, now: float, event: Event) -> list[Effect]:
        del now, event
        return self.effects


class WitnessBench:
    """A witness of a buyer that was told by S, on its bid 1, of a charge of 30 money."""

    def __init__(self) -> None:
        self.buyer = Says()
        self.witness = Witness("a", self.buyer)
        self.told(profile(1, 1, (30, 2), (20, 9)), 30.0)

    def told(self, message: Profile, charge: float) -> None:
        self.witness.step(0.0, Received(S, msgspec.structs.replace(message, charge=charge)))

    def writes(self, entry: Entry) -> list[str]:
        self.buyer.effects = [Persist(entry)]
        self.witness.step(1.0, Received(S, award(30, 30)))
        return self.witness.harms


def accepted(charge: float, seq: int = 1, buyer_of: str = S) -> Accepted:
    return Accepted(buyer_of, 0, 1, seq, 30.0, charge, 100.0)


def test_witness_lets_an_acceptance_of_what_was_told_pass() -> None:
    bench = WitnessBench()
    assert bench.writes(accepted(30.0)) == []
    assert bench.writes(Bought(S, 0, 1, 1, 30.0, 30.0)) == []


@pytest.mark.parametrize("entry", [accepted(30.1), accepted(30.0, seq=2), accepted(30.0, buyer_of=T)])
def test_witness_tells_of_an_acceptance_of_what_was_not_told(entry: Accepted) -> None:
    assert len(WitnessBench().writes(entry)) == 1


def test_witness_tells_of_a_receipt_for_more_than_was_accepted() -> None:
    bench = WitnessBench()
    bench.writes(accepted(30.0))
    assert bench.writes(Bought(S, 0, 1, 1, 30.0, 30.1)) == ["a pays 30.1 to s/seller, and accepted 30"]


def test_witness_goes_by_the_last_profile_that_its_buyer_took() -> None:
    bench = WitnessBench()
    bench.buyer.effects = [Dropped("rejected", "impossible profile")]
    bench.told(profile(2, 1, (30, 2)), 50.0)
    assert len(bench.writes(accepted(50.0))) == 1
    bench.buyer.effects = []
    bench.told(profile(2, 1, (30, 2)), 50.0)
    assert len(bench.writes(accepted(50.0))) == 1  # the one from before


def harmed(*lines: tuple[str, Entry], told: Iterable[tuple[str, Trace]] = ()) -> list[str]:
    """What is told of A and B, honest buyers of S and T, of which T is hostile, and writes nothing down."""
    ledger = Ledger(JournalEntry(0.0, node, entry) for node, entry in lines)
    return [*harms(ledger, [Record(0.0, node, what) for node, what in told], {"t"})]


SALE = (A, accepted(30.0)), (S, Sold(A, 0, 1, 1, 30.0, 30.0)), (A, Bought(S, 0, 1, 1, 30.0, 30.0))
OFFER = (S, Offered(0, 100.0)), (A, Wanted(50.0, None))


def test_honest_sale_is_no_harm() -> None:
    assert harmed(*OFFER, *SALE) == []


def test_sale_of_a_hostile_seller_whose_journal_nobody_reads_is_no_harm() -> None:
    assert harmed(*OFFER, (A, accepted(30.0, buyer_of=T)), (A, Bought(T, 0, 1, 1, 30.0, 30.0))) == []


def test_breach_of_a_hostile_node_is_none_of_an_honest_one() -> None:
    sold = [
        line for name in (A, B) for line in ((name, accepted(90.0, buyer_of=T)), (name, Bought(T, 0, 1, 1, 30.0, 90.0)))
    ]
    more = [(A, Accepted(T, 0, 2, 2, 60.0, 1.0, 100.0)), (A, Bought(T, 0, 2, 2, 60.0, 1.0))]
    assert {breach.node for breach in Ledger(JournalEntry(0.0, *line) for line in [*sold, *more]).breaches} == {T}
    assert harmed(*sold, *more) == []


@pytest.mark.parametrize(
    ("lines", "harm"),
    [
        ([(S, Offered(0, 20.0)), (A, Wanted(50.0, None)), *SALE], "breach supply of s/seller"),
        ([(S, Offered(0, 100.0)), (A, Wanted(20.0, None)), *SALE], "breach demand of a/buyer"),
        ([(S, Offered(0, 100.0)), (A, Wanted(50.0, 10.0)), *SALE], "breach budget of a/buyer"),
        ([*OFFER, *SALE[:2]], "doubt between honest nodes"),
        ([*OFFER, (A, accepted(30.0, buyer_of=T))], "doubt that nobody told"),
    ],
    ids=["supply", "demand", "budget", "doubt", "untold"],
)
def test_harm_to_an_honest_node_is_told(lines: list[tuple[str, Entry]], harm: str) -> None:
    (found_harm,) = harmed(*lines)
    assert found_harm.startswith(harm)


def test_doubt_that_its_buyer_told_is_no_harm() -> None:
    doubt = AcceptanceInDoubt(T, 1, 30.0, 30.0)
    assert harmed(*OFFER, (A, accepted(30.0, buyer_of=T)), told=[(A, doubt)]) == []


@pytest.mark.parametrize(
    ("teller", "honest", "hostile"),
    [
        (A, SellerExposed(S, 1, "two books"), SellerExposed(T, 1, "two books")),
        (S, BidVoided(A, 1, "silent"), BidVoided("t/buyer", 1, "silent")),
    ],
    ids=["exposed", "struck out"],
)
def test_what_honest_nodes_take_each_other_for_is_told(teller: str, honest: Trace, hostile: Trace) -> None:
    assert len(harmed(told=[(teller, honest)])) == 1
    assert harmed(told=[(teller, hostile)]) == []


# Figures


@pytest.fixture(scope="module")
def finding() -> Finding:
    return found(next(seed for seed in SEEDS if len(HostileMarket.of(seed).market.user_names) < 12))


def test_a_market_without_hostile_nodes_is_its_own_measure(finding: Finding) -> None:
    market = HostileMarket.of(finding.seed).without
    again = ran(market, {}, 1e4)
    assert again.is_over
    assert (again.welfare, again.welfare_honest) == (finding.without.welfare, finding.without.welfare)
    assert again.welfare > 0.0
    assert dataclasses.replace(finding, among=again).efficiency == 1.0


def test_welfare_in_doubt_does_not_count(finding: Finding) -> None:
    less = dataclasses.replace(finding.without, welfare=0.5 * finding.without.welfare)
    one = dataclasses.replace(finding, among=less)
    assert one.efficiency == pytest.approx(0.5)


def test_limit_is_what_each_hostile_node_may_cost_and_the_patience_and_a_rest_once_more(finding: Finding) -> None:
    market = HostileMarket.of(finding.seed).market
    quiet_s = market.timing.quiet_period_s
    assert limit_s(market, ["swings"], 7.0) == pytest.approx(2 * (7.0 + 2 * quiet_s) + 2 * 20 * quiet_s)
    kinds = ["swings", "false names", "stays open"]
    assert limit_s(market, kinds, 7.0) == pytest.approx(4 * (7.0 + 2 * quiet_s) + (1 + 1 + 4 + 2) * 20 * quiet_s)


def test_a_market_is_counted_for_each_kind_in_it_and_listed_by_its_seed(finding: Finding) -> None:
    bad = dataclasses.replace(finding, misses=["efficiency"], kinds={"buyer-1": "garbage", "buyer-2": "swings"})
    good = dataclasses.replace(finding, misses=[], kinds={"buyer-1": "garbage"})
    table = list(rows([bad, good]))
    (garbage,) = (row for row in table if row.startswith("  garbage"))
    assert garbage.split()[1:6] == ["2", "0", "0", "0", "1"]
    (swings,) = (row for row in table if row.startswith("  swings"))
    assert swings.split()[1:6] == ["1", "0", "0", "0", "1"]
    (line,) = exceptions([bad, good])
    assert line.startswith(f"seed {finding.seed}: efficiency")
