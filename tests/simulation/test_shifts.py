"""Markets that shift while they run, over any network."""

import pytest

from tests.simulation.world import World, shifted, small_market

CHUNKS = [range(start, start + 50) for start in range(0, 150, 50)]


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"seeds {seeds.start} to {seeds.stop - 1}")
def test_small_markets_settle_whatever_happens_to_their_users(seeds: range) -> None:
    for seed in seeds:
        market = World(shifted(small_market(seed), seed))
        assert market.settles(), seed
        market.check_books()
        assert not [reason for host in market.hosts.values() for reason in host.counters if "rejected" in reason], seed
