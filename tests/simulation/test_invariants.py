"""What holds in every market over every network; ``World`` checks more at every step."""

import pytest

from node.mechanism.welfare import efficiency
from scenarios.markets.psp.live import optimum_of
from tests.simulation.world import HAZARDS, World, small_market, within, world

CHUNKS = [range(start, start + 60) for start in range(0, 240, 60)]


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"seeds {seeds.start} to {seeds.stop - 1}")
def test_small_markets_of_any_kind_settle_and_their_books_agree(seeds: range) -> None:
    for seed in seeds:
        market = World(small_market(seed))
        assert market.settles(), seed
        market.check_books()


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(226, id="226: a winner without the money bid the same for ever"),
        pytest.param(1869, id="1869: an adaptive buyer kept a bid beyond its budget"),
        pytest.param(445, id="445: a budget made a bid rise and fall for ever"),
        pytest.param(2937, id="2937: a buyer without money bid and withdrew for ever"),
        pytest.param(3029, id="3029: three budgets rose and fell together"),
        pytest.param(646, id="646: many declined awards"),
        pytest.param(2248, id="2248: two sellers, bids going up and down"),
        pytest.param(559, id="559: a budget under a reserve that follows the losers rose and fell for ever"),
        pytest.param(366, id="366: the same, and the next think time later"),
        pytest.param(2538, id="2538: the same with five buyers"),
    ],
)
def test_market_that_once_did_not_settle_does(seed: int) -> None:
    market = World(small_market(seed))
    assert market.settles()
    market.check_books()


@pytest.mark.parametrize("seed", [1, 2])
def test_neighbourhood_settles_near_its_optimum(seed: int) -> None:
    market = world("neighbourhood", seed)
    assert market.settles()
    market.check_books()
    assert efficiency(market.metrics.welfare, optimum_of(market.market).welfare) > 0.99


def test_neighbourhood_over_a_bad_network_settles_too() -> None:
    settings = (*within(1, clearing_s=0.02), *HAZARDS, "buyers.0.count=25", "sellers.0.count=5")
    market = world("neighbourhood", 3, *settings)
    assert market.settles()
    market.check_books()


@pytest.mark.parametrize("seed", range(5))
def test_single_auction_over_a_bad_network_settles(seed: int) -> None:
    market = world("single-auction", seed, *within(2, clearing_s=0.02), *HAZARDS)
    assert market.settles()
    market.check_books()
    assert sum(market.sold().values()) == pytest.approx(100.0)


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_users_may_share_hosts(hosts: int) -> None:
    market = world("two-sellers", 1, hosts=hosts)
    assert market.settles()
    market.check_books()
    assert sum(market.sold().values()) == pytest.approx(150.0)


def test_duplicated_frames_change_no_outcome() -> None:
    """All bids arrive within the first clearing interval, so that only the number of copies differs."""
    plain, doubled = (world("two-sellers", 5, *within(0.5), f"network.duplication={share}") for share in (0.0, 1.0))
    assert plain.settles()
    assert doubled.settles()
    assert doubled.delivered > plain.delivered
    assert doubled.sold() == pytest.approx(plain.sold())
