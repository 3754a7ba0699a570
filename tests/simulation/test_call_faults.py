"""Networks, terminals and service agents that fall silent, are reported gone, or come back."""

from collections import Counter
from random import Random

import pytest

from node.runtime.sim.simulation import LinkModel
from tests.simulation.call_world import BAD, PLAIN, CallWorld, Users

MANY = Users(direct=3, brokered=3, calls=40)
NETWORKS = pytest.mark.parametrize("network", [PLAIN, BAD], ids=["plain", "bad"])


def running(seed: int, network: LinkModel = PLAIN, seconds: float = 12.0) -> CallWorld:
    """A market in full swing: so many seconds of the clock have passed."""
    world = CallWorld(seed, network, users=MANY)
    world.open_market()
    world.lasts(seconds)
    return world


def outcomes(world: CallWorld, network: str) -> Counter[str]:
    return Counter(
        one.kind for one in world.seen("ma", "served", "decommitted") if one.what.network == f"{network}/{network}"
    )


def wins(world: CallWorld, network: str, since: float) -> list[int]:
    """Auctions won by a network since then."""
    won = world.seen("ma", "contracted")
    return [one.what.auction for one in won if one.what.network == f"{network}/{network}" and one.time_s > since]


@NETWORKS
@pytest.mark.parametrize("seed", range(2))
def test_calls_of_a_crashed_network_are_decommitted_and_others_go_on(seed: int, network: LinkModel) -> None:
    world = running(seed, network)
    carried = world.market._auctioneer._contracts.carried_by("n1/n1")
    before, crashed_at = outcomes(world, "n1")["decommitted"], world.now
    world.faults.crash("n1")
    assert outcomes(world, "n1")["decommitted"] - before >= len(carried)
    assert world.goes_on()
    assert wins(world, "n1", crashed_at) == []
    assert wins(world, "n0", crashed_at)
    world.check_books()


@NETWORKS
@pytest.mark.parametrize("seed", range(2))
def test_network_started_anew_wins_again(seed: int, network: LinkModel) -> None:
    world = running(seed, network)
    world.faults.crash("n0")
    world.lasts(3.0)
    back_at = world.now
    world.faults.restart(world.operator_host("n0"))
    assert world.goes_on()
    assert wins(world, "n0", back_at)
    world.check_books()


@NETWORKS
@pytest.mark.parametrize("seed", range(2))
def test_network_that_is_silent_for_a_while_is_put_out_and_comes_back(seed: int, network: LinkModel) -> None:
    world = running(seed, network)
    world.faults.cut_off("n0")
    world.lasts(4.0 * world.timing.bid_window_s)
    assert "n0/n0" not in world.market._networks.present
    back_at = world.now
    world.faults.cut.discard("n0")
    assert world.goes_on()
    assert wins(world, "n0", back_at)
    world.check_outcomes()


@pytest.mark.parametrize("seed", range(2))
def test_network_that_is_reported_gone_comes_back_when_it_is_connected(seed: int) -> None:
    world = running(seed, BAD)
    world.faults.cut_off("n0")
    world.faults.tell_offline("n0")
    world.lasts(2.0)
    back_at = world.now
    world.faults.reconnect("n0")
    assert world.goes_on()
    assert wins(world, "n0", back_at)
    world.check_outcomes()


def test_market_without_any_network_blocks_all_calls() -> None:
    world = running(1)
    for name in world.operators:
        world.faults.crash(name)
    gone_at = world.now
    assert world.goes_on()
    assert {one.kind for one in world.seen("ma", "contracted", "blocked") if one.time_s > gone_at} == {"blocked"}
    world.check_books()


@NETWORKS
@pytest.mark.parametrize("names", [("t0",), ("t3",), ("t3", "t4", "t5"), ("t0", "t1", "t2", "t3")], ids="-".join)
def test_market_closes_without_crashed_terminals(names: tuple[str, ...], network: LinkModel) -> None:
    world = running(2, network)
    for name in names:
        world.faults.crash(name)
    assert world.goes_on()
    world.check_outcomes()


@NETWORKS
def test_market_closes_without_a_crashed_service_agent(network: LinkModel) -> None:
    world = running(2, network)
    world.faults.crash("sa")
    world.faults.dead |= {"t3", "t4", "t5"}
    assert world.goes_on()
    world.check_outcomes()


@NETWORKS
@pytest.mark.parametrize("name", ["t0", "t3"], ids=["direct", "brokered"])
def test_terminal_started_anew_makes_all_its_calls_anew(name: str, network: LinkModel) -> None:
    world = running(3, network)
    world.faults.crash(name)
    world.lasts(1.0)
    start = len(world.records)
    world.faults.restart(world.terminal_host(name))
    assert world.goes_on()
    anew = [one for one in world.records[start:] if one.node == f"{name}/{name}"]
    assert len([one for one in anew if one.kind == "requested"]) == MANY.calls
    assert len([one for one in anew if one.kind == "outcome"]) == MANY.calls


@pytest.mark.parametrize("name", ["t0", "t3", "sa"])
@pytest.mark.parametrize("seed", range(2))
def test_customer_reported_gone_finds_its_calls_when_it_is_back(name: str, seed: int) -> None:
    world = running(seed, BAD)
    world.faults.cut_off(name)
    world.faults.tell_offline(name)
    world.lasts(3.0)
    world.faults.reconnect(name)
    assert world.goes_on()
    world.check_outcomes()


@pytest.mark.parametrize("name", ["ma", "sa", "n0", "t0", "t3"])
def test_short_silence_of_any_host_loses_no_call(name: str) -> None:
    world = running(4, BAD)
    world.faults.cut_off(name)
    world.lasts(1.0)
    world.faults.reconnect(name)
    assert world.goes_on()
    world.check_books()


def away(world: CallWorld, name: str, seconds: float, *, reported: bool) -> None:
    """The host is cut off for so long; its last will may say so."""
    world.faults.cut_off(name)
    if reported:
        world.faults.tell_offline(name)
    world.lasts(seconds)
    world.faults.reconnect(name)


def troubled(seed: int) -> CallWorld:
    """A market to whose networks and customers anything happens, as often as not at the worst moment."""
    random, world = Random(seed), CallWorld(seed, BAD, users=MANY)
    world.open_market()
    for _ in range(random.randint(2, 8)):
        world.lasts(random.uniform(0.0, 6.0))
        name = random.choice([*world.operators, *world.terminals, "sa"])
        match random.choice(["silent", "reported", "restarted"]):
            case "silent" | "reported" as how:
                away(world, name, random.uniform(0.0, 4.0), reported=how == "reported")
            case "restarted" if name in world.operators:
                world.faults.crash(name)
                world.lasts(random.uniform(0.0, 4.0))
                world.faults.restart(world.operator_host(name))
    return world


ONCE_WRONG = [
    pytest.param(seed, id=f"{seed}: the bid of a network put out meanwhile was taken for a forged one")
    for seed in (27, 36, 55)
]


@pytest.mark.parametrize("seed", [*range(12), *ONCE_WRONG])
def test_no_trouble_makes_books_disagree(seed: int) -> None:
    world = troubled(seed)
    assert world.goes_on()
    world.check_books()


# Restarts from journals


def remembering(seed: int, seconds: float = 12.0) -> CallWorld:
    """A market in full swing whose nodes keep journals."""
    world = CallWorld(seed, BAD, users=MANY, journalled=True)
    world.open_market()
    world.lasts(seconds)
    return world


def restart(world: CallWorld, name: str, away_s: float) -> None:
    world.faults.crash(name)
    world.lasts(away_s)
    world.faults.restart(world.fresh(name))


@pytest.mark.parametrize("name", ["ma", "sa", "n0", "t0", "t3"])
@pytest.mark.parametrize("seed", range(2))
def test_host_restarted_from_its_journal_loses_no_call(seed: int, name: str) -> None:
    world = remembering(seed)
    restart(world, name, 2.0)
    assert world.goes_on()
    world.check_books()
    world.check_ledger()


def shaken(seed: int) -> CallWorld:
    """A market in which anything happens to anybody, and every process that dies comes back with its journal."""
    random, world = Random(seed), CallWorld(seed, BAD, users=MANY, journalled=True)
    world.open_market()
    for _ in range(random.randint(2, 8)):
        world.lasts(random.uniform(0.0, 6.0))
        name = random.choice([*world.operators, *world.terminals, "sa", "ma"])
        match random.choice(["silent", "reported", "restarted", "restarted"]):
            case "silent" | "reported" as how:
                away(world, name, random.uniform(0.0, 4.0), reported=how == "reported")
            case "restarted":
                restart(world, name, random.uniform(0.0, 4.0))
    return world


@pytest.mark.parametrize("seed", range(12))
def test_no_restart_makes_journals_disagree(seed: int) -> None:
    world = shaken(seed)
    assert world.goes_on()
    world.check_books()
    world.check_ledger()
