"""How a market is dealt to several machines."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import BrokerAddress
from node.protocol.journal import JournalEntry
from node.protocol.psp.journal import Accepted
from node.runtime.mqtt.host import LOST, OPEN
from scenarios.errors import ScenarioError
from scenarios.launch.part import Part, is_admitted
from scenarios.launch.parts import assembly, fingerprint, parted
from scenarios.launch.placement import Placement, spread
from scenarios.markets.load import load
from scenarios.markets.psp.market import Market
from scenarios.markets.registry import draw_market, journal_of


def drawn(name: str, *settings: str, seed: int = 1) -> Market:
    market = draw_market(load(name, settings), seed)
    assert isinstance(market, Market)
    return market


def ring(users: int) -> Market:
    """As many buyers as sellers, each with the two sellers beside it, in an order that says nothing."""
    shuffled = np.random.default_rng(7).permutation(users)
    market = drawn("two-sellers")
    seller, buyer = market.sellers[0], market.buyers[0]
    return type(market)(
        **{
            **{field: getattr(market, field) for field in market.__struct_fields__},
            "sellers": [type(seller)(f"s{k}", 1.0, 0.1) for k in range(users)],
            "buyers": [
                type(buyer)(f"b{k}", [f"s{k}", f"s{(k + 1) % users}"], buyer.valuation, buyer.strategy, None)
                for k in shuffled.tolist()
            ],
        }
    )


def together(market: Market, placement: Placement) -> float:
    """The share of pairs of buyer and seller on one part."""
    return float(np.mean([placement[one.name] == placement[seller] for one in market.buyers for seller in one.pool]))


@pytest.mark.parametrize("parts", [2, 4, 7])
def test_neighbours_of_a_ring_share_a_part(parts: int) -> None:
    market = ring(200)
    # A ring that is cut into arcs loses few pairs; dealt without a look at the market, one in `parts` is together.
    assert together(market, parted(market, parts)) > 0.9
    assert together(market, spread(market, parts)) < 0.7


@given(users=st.integers(2, 40), parts=st.integers(1, 9))
def test_every_node_is_on_one_part_and_parts_are_of_one_size(users: int, parts: int) -> None:
    market = ring(users)
    parts = min(parts, market.nodes)
    placement = parted(market, parts)
    sizes = Counter(placement.values())
    assert set(placement) == set(market.user_names)
    assert set(sizes) == {f"host-{k + 1}" for k in range(parts)}
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_devices_belong_to_no_part() -> None:
    market = drawn("two-sellers", "buyers.0.device=phone")
    placement = parted(market, 2)
    assert Counter(placement.values()) == {"phone": 1, "host-1": 3, "host-2": 3}


def test_a_node_shares_the_part_of_the_user_it_stands_in_for() -> None:
    market = drawn("market-shift")
    assert market.companions
    for parts in (1, 2, 3):
        placement = parted(market, parts)
        assert all(placement[node] == placement[other] for node, other in market.companions.items())


def test_a_market_without_neighbours_is_dealt_in_the_order_of_its_users() -> None:
    market = draw_market(load("network-selection"), 1)
    placement = parted(market, 2)
    assert list(placement) == list(market.user_names)
    sizes = Counter(placement.values())
    assert abs(sizes["host-1"] - sizes["host-2"]) <= 1


def test_a_fingerprint_tells_scenarios_and_seeds_apart() -> None:
    one = fingerprint(drawn("neighbourhood"))
    assert one == fingerprint(drawn("neighbourhood"))
    others = [drawn("neighbourhood", seed=2), drawn("neighbourhood", "buyers.0.count=5"), drawn("two-sellers")]
    assert one not in {fingerprint(other) for other in others}


@pytest.fixture
def part(tmp_path: Path) -> Part:
    return Part(drawn("two-sellers"), 2, 3, "lab", BrokerAddress("127.0.0.1", 1), None, tmp_path)


def test_the_word_of_its_market_lets_a_part_in_and_no_other_word_does(part: Part) -> None:
    assert is_admitted(part, assembly(part.market, 3))
    assert not is_admitted(part, LOST)
    assert not is_admitted(part, b"")


@pytest.mark.parametrize(("seed", "parts"), [(2, 3), (1, 4)])
def test_a_part_of_another_market_is_refused(part: Part, seed: int, parts: int) -> None:
    with pytest.raises(ScenarioError, match="same SCENARIO, --seed, --set and number of parts"):
        is_admitted(part, assembly(drawn("two-sellers", seed=seed), parts))


def test_without_its_journal_no_part_comes_into_an_open_market(part: Part) -> None:
    with pytest.raises(ScenarioError, match="its users agreed to what only that journal knows"):
        is_admitted(part, OPEN)
    journal_of(part.market, part.journal).close()
    assert is_admitted(part, OPEN)


def test_a_journal_of_an_earlier_market_is_refused(part: Part) -> None:
    journal = journal_of(part.market, part.journal)
    assert is_admitted(part, assembly(part.market, 3))
    journal.append([JournalEntry(1.0, "host-2/alice", Accepted("host-1/1", 1, 1, 1, 1.0, 1.0, 1.0))])
    journal.close()
    with pytest.raises(ScenarioError, match="of an earlier market of this name"):
        is_admitted(part, assembly(part.market, 3))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--part", "5/4"), "--part 5/4: of 4 parts, the first is 1/4, the last 4/4"),
        (("--part", "0/4"), "--part 0/4: of 4 parts"),
        (("--part", "1/9"), "a market with 7 users to deal has 1 to 7 parts, not 9"),
        (("--part", "half"), "--part 'half': write K/N"),
        (("--part", "1/2", "--join", "x.toml"), "give one of them"),
    ],
)
def test_bad_options_of_a_host_are_named(
    said: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], words: str
) -> None:
    code, _, stderr = said("host", "two-sellers", "--broker", "mqtt://127.0.0.1:1", "--market", "lab", *arguments)
    assert (code, words in stderr) == (2, True)


def test_a_broker_that_is_not_there_is_named(said: Callable[..., tuple[int, str, str]]) -> None:
    code, _, stderr = said("host", "two-sellers", "--broker", "mqtt://127.0.0.1:1", "--market", "lab", "--part", "1/2")
    assert code == 4
    assert "the broker at mqtt://127.0.0.1:1 does not serve host-1" in stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("two-sellers", "--parts", "2"), "give the market a name with --market"),
        (("two-sellers", "--parts", "2", "--market", "lab", "--world", "sim"), "goes with world mqtt"),
        (("two-sellers", "--parts", "2", "--market", "lab", "--hosts", "2"), "leave out --hosts and --connections"),
        (("two-sellers", "--place", "dask://h:1", "--world", "sim"), "goes with world mqtt"),
        (("two-sellers", "--place", "dask://h:1"), "name one that all reach with --broker URL or --profile"),
        (("two-sellers", "--place", "h:1", "--broker", "mqtt://h"), "--place h:1: write dask://host:port"),
        (("two-sellers", "--parts", "8", "--market", "lab"), "has 1 to 7 parts, not 8"),
        (("chaos", "--parts", "2", "--market", "lab"), "chaos.faults has a crash"),
    ],
)
def test_what_does_not_go_with_parts_is_named(
    said: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], words: str
) -> None:
    code, _, stderr = said("run", *arguments)
    assert (code, words in stderr) == (2, True)
