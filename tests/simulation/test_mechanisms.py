"""Markets held by other mechanisms than PSP: they settle, and their books and journals agree (docs/decisions/0013)."""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from node.trace.psp.ledger import Ledger
from scenarios.launch.run import run
from scenarios.markets.psp.results import Result
from tests.simulation.world import HAZARDS, World, small_market, within, world

MECHANISMS = ["psp", "uniform-price", "pay-as-bid"]
OTHERS = MECHANISMS[1:]

MOST_GAP = {"uniform-price": 100.0, "pay-as-bid": 250.0}
"""Money, where the last ε is 0.6 and welfare is some 300 per buyer: no equilibrium, but told by the result."""


def sized(count: int, sellers: int, each: int) -> list[str]:
    return [f"buyers.0.count={count}", f"sellers.0.count={sellers}", f"buyers.0.sellers_each={each}"] + (
        ["sellers.0.supply_mb=300"] if sellers == 1 else []
    )


@pytest.mark.parametrize("mechanism", OTHERS)
@pytest.mark.parametrize(
    ("size", "seed"),
    [((10, 1, 1), seed) for seed in range(3)] + [((24, 4, 2), seed) for seed in range(2)],
    ids=str,
)
def test_elastic_markets_settle_in_few_moves(
    mechanism: str, size: tuple[int, int, int], seed: int, tmp_path: Path
) -> None:
    settings = [f"auction.mechanism={mechanism}", *sized(*size)]
    result = run("neighbourhood", seed=seed, world="sim", settings=settings, out=tmp_path)
    assert (result.summary.status, result.summary.mechanism) == ("settled", mechanism)
    assert result.summary.efficiency >= 0.95
    assert result.summary.epsilon_gap <= MOST_GAP[mechanism]
    assert result.quiescence.most_moves <= 60
    assert result.ladder is None


@pytest.mark.parametrize("mechanism", OTHERS)
@pytest.mark.parametrize("seeds", [range(40), range(40, 80)], ids=lambda seeds: f"from {seeds.start}")
def test_small_markets_of_any_kind_settle_and_their_books_and_journals_agree(mechanism: str, seeds: range) -> None:
    for seed in seeds:
        drawn = small_market(seed)
        auction = msgspec.structs.replace(drawn.auction, mechanism=mechanism)
        market = World(msgspec.structs.replace(drawn, auction=auction))
        assert market.settles(), seed
        market.check_books()
        ledger = Ledger(entry for past in market.journal.past().values() for entry in past.entries)
        assert ledger.breaches == [], seed


@pytest.mark.parametrize("mechanism", OTHERS)
def test_a_bad_network_changes_nothing_of_that(mechanism: str) -> None:
    settings = (*within(1, clearing_s=0.02), *HAZARDS, "buyers.0.count=12", "sellers.0.count=4")
    market = world("neighbourhood", 3, *settings, f"auction.mechanism={mechanism}")
    assert market.settles()
    market.check_books()


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """The scenario `uniform-price` by every mechanism."""
    out = tmp_path_factory.mktemp("alike")
    return {
        name: run("uniform-price", world="sim", settings=[f"auction.mechanism={name}"], out=out) for name in MECHANISMS
    }


def test_buyers_of_a_uniform_price_auction_settle_at_the_reserve(alike: dict[str, Result]) -> None:
    summary = alike["uniform-price"].summary
    assert summary.revenue == pytest.approx(0.01 * summary.sold)
    assert summary.truthfulness_gap > 100.0
    assert alike["uniform-price"].convergence.price[-1, 0] >= 0.01


def test_sellers_earn_least_where_buyers_keep_the_price_low_and_most_where_they_pay_their_bids(
    alike: dict[str, Result],
) -> None:
    earned = [alike[name].summary.revenue for name in ("uniform-price", "psp", "pay-as-bid")]
    assert all(low < high / 5 for low, high in pairwise(earned))


def test_only_psp_ends_next_to_its_optimum_and_an_equilibrium(alike: dict[str, Result]) -> None:
    best, gap, lying = (
        {name: figure(result) for name, result in alike.items()}
        for figure in (
            lambda result: result.summary.efficiency,
            lambda result: result.summary.epsilon_gap,
            lambda result: result.summary.truthfulness_gap,
        )
    )
    assert best["psp"] > 0.999 > max(best["uniform-price"], best["pay-as-bid"])
    assert gap["psp"] <= 1.8 < gap["pay-as-bid"]
    assert lying["psp"] == 0.0


@pytest.mark.parametrize(("mechanism", "revenue"), [("psp", 1.5), ("uniform-price", 1.5), ("pay-as-bid", 207.8)])
def test_truthful_buyers_of_the_papers_example_pay_their_value_as_bid(
    mechanism: str, revenue: float, tmp_path: Path
) -> None:
    result = run("two-sellers", seed=1, world="sim", settings=[f"auction.mechanism={mechanism}"], out=tmp_path)
    assert result.summary.revenue == pytest.approx(revenue)
    assert result.summary.welfare == pytest.approx(207.8)
    assert result.summary.epsilon_gap == pytest.approx(49.5 if mechanism == "pay-as-bid" else 0.0, abs=1e-9)


def test_best_replies_as_bid_may_chase_each_other_until_the_timeout(tmp_path: Path) -> None:
    settings = [
        "auction.mechanism=pay-as-bid",
        "buyers.0.count=2",
        "buyers.0.valuation={ kind = 'flat', demand_mb = 60, value_per_mb = 3 }",
        "buyers.0.strategy={ kind = 'best-reply', epsilon_step_money = 1, epsilon_fee_money = 1 }",
        "buyers.0.sellers_each=1",
        "sellers.0.count=1",
        "sellers.0.supply_mb=100",
    ]
    result = run("neighbourhood", world="sim", settings=settings, timeout_s=20.0, out=tmp_path)
    assert result.summary.status == "timeout"
    assert result.summary.epsilon_gap > 5.0
