"""What holds in every Digital Marketplace over every network; ``CallWorld`` checks more at every step."""

import pytest
from scipy.stats import chi2

from node.mechanism.dmp import StepReputation
from node.mechanism.rounding import ROUNDING
from node.runtime.sim.simulation import LinkModel
from tests.simulation.call_world import BAD, PLAIN, SLOW, CallWorld, Operator, Users

NETWORKS = {"plain": PLAIN, "bad": BAD, "slow": SLOW}
CHUNKS = [range(start, start + 20) for start in range(0, 40, 20)]


def settled(seed: int, network: LinkModel = PLAIN, **changes: object) -> CallWorld:
    world = CallWorld(seed, network, **changes)  # type: ignore[arg-type]
    assert world.settles(), seed
    return world


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"seeds {seeds.start} to {seeds.stop - 1}")
def test_every_call_has_one_outcome_and_one_carrier_at_most(seeds: range, network: LinkModel) -> None:
    for seed in seeds:
        settled(seed, network).check_books()


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_no_network_ever_carries_more_than_it_can(network: LinkModel) -> None:
    for seed in range(100, 115):
        world = settled(seed, network)
        for name, most_kbps in world.most_carried().items():
            assert most_kbps <= world.operators[name].capacity_kbps * (1.0 + ROUNDING), (seed, name)


@pytest.mark.parametrize("other", [BAD, SLOW], ids=["bad", "slow"])
def test_winners_are_the_same_call_by_call_over_any_network(other: LinkModel) -> None:
    for seed in range(200, 215):
        assert settled(seed).winners() == settled(seed, other).winners(), seed


def test_outcomes_are_the_same_call_by_call_over_any_network() -> None:
    for seed in range(225, 240):
        assert settled(seed).outcomes_at_terminals() == settled(seed, BAD).outcomes_at_terminals(), seed


def test_same_seed_gives_the_same_records() -> None:
    assert settled(7, BAD).records == settled(7, BAD).records


# Ties, and the price of breaking promises


EQUAL = (Operator(1e6, 0.5, 0.5),) * 3


def test_ties_are_drawn_fairly() -> None:
    wins: dict[str, int] = {}
    for seed in range(6):
        world = settled(seed, operators=EQUAL, users=Users(direct=2, brokered=0, calls=50))
        for winner in world.winners().values():
            wins[winner] = wins.get(winner, 0) + 1
    expected = sum(wins.values()) / len(EQUAL)
    assert sum(wins.values()) == 600
    assert sum((won - expected) ** 2 / expected for won in wins.values()) < chi2.ppf(0.999, len(EQUAL) - 1)


def share_of_the_promising(price_weight: float) -> tuple[float, float, float]:
    """Of the calls for which both offer the share that a network gets that promises too much; both reputations."""
    operators = (Operator(1_000.0, 0.5, 0.5), Operator(1_000.0, 0.5, 0.5, overcommitment=4.0))
    users = Users(direct=4, brokered=0, calls=50, gap_s=40.0, price_weight=price_weight)
    world = settled(3, operators=operators, users=users, reputation=StepReputation(0.9, 0.2))
    offers = [{one.what.auction for one in world.seen(name, "offered")} for name in ("n0", "n1")]
    contracts = [one.what for one in world.seen("ma", "contracted")]
    won = [one.network == "n1/n1" for one in contracts if one.auction in offers[0] & offers[1]]
    honest, promising = (world.market._networks.of(f"{name}/{name}").reputation.value for name in ("n0", "n1"))
    assert len(won) > 50
    return sum(won) / len(won), honest, promising


def test_network_that_promises_too_much_loses_its_reputation_and_then_its_share() -> None:
    share, honest, promising = share_of_the_promising(0.5)
    assert honest < 0.2 < promising
    assert share < 0.1


def test_where_only_the_price_counts_broken_promises_cost_no_share() -> None:
    share, honest, promising = share_of_the_promising(1.0)
    assert honest < promising
    assert share == pytest.approx(0.5, abs=0.12)
