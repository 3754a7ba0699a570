"""A market whose frames are signed is the same market."""

from node.protocol.host import Host
from tests.protocol.wire.sealing import seal
from tests.simulation.world import World, world

NAMES = ("1", "2", "A", "B", "C", "D", "E")


def signed(*strangers: str) -> World:
    """The paper's example, where nobody has the key of the strangers."""
    market = world("two-sellers", 1)
    known = [name for name in NAMES if name not in strangers]
    for host in market.hosts.values():
        host._seal = seal(host.name, *known)
    return market


def rejected(host: Host) -> set[str]:
    return {key for key in host.counters if key.startswith("rejected")}


def test_signed_market_ends_like_an_unsigned_one() -> None:
    plain, market = world("two-sellers", 1), signed()
    assert plain.settles()
    assert market.settles()
    assert market.records == plain.records
    assert not any(map(rejected, market.hosts.values()))


def test_host_without_keys_takes_no_part() -> None:
    market = signed()
    market.hosts["C"]._seal = None
    assert market.settles()
    assert market.bought("C") == 0.0
    assert market.bought("B") > 0.0
    assert rejected(market.hosts["C"]) == {"rejected: signed, but no keys here"}


def test_host_whose_key_nobody_has_takes_no_part() -> None:
    market = signed("C")
    assert market.settles()
    assert market.bought("C") == 0.0
    assert rejected(market.hosts["2"]) == {"rejected: no key for host"}
