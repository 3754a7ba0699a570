import os
import subprocess
import sys

import msgspec
import pytest

from tests.simulation.world import HAZARDS, World, small_market, within, world

BAD = (*within(2), *HAZARDS)


def encoded(market: World) -> bytes:
    market.settles()
    return msgspec.msgpack.encode(market.records)


def test_same_seed_gives_the_same_records_byte_for_byte() -> None:
    assert encoded(world("two-sellers", 3, *BAD)) == encoded(world("two-sellers", 3, *BAD))


def test_another_seed_gives_other_records() -> None:
    assert encoded(world("two-sellers", 3, *BAD)) != encoded(world("two-sellers", 4, *BAD))


@pytest.mark.parametrize("seed", range(5))
def test_small_market_is_reproducible_too(seed: int) -> None:
    assert encoded(World(small_market(seed))) == encoded(World(small_market(seed)))


def test_running_in_steps_gives_the_same_records() -> None:
    at_once, in_steps = world("two-sellers", 3, *BAD), world("two-sellers", 3, *BAD)
    expected = encoded(at_once)
    in_steps.open_market()
    while in_steps.run(1e4, 7):
        pass
    assert msgspec.msgpack.encode(in_steps.records) == expected


DIGEST = """
import hashlib
from tests.simulation.test_reproducible import BAD, encoded
from tests.simulation.world import World, small_market, world
print(hashlib.sha256(encoded(world("two-sellers", 3, *BAD)) + encoded(World(small_market(4)))).hexdigest())
"""


def test_records_do_not_depend_on_the_order_of_sets() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
