"""Frames as an attacker would send them: right ones, spoilt at random."""

import copy
import functools
import math
import struct
from collections.abc import Callable, Iterator
from hashlib import blake2b
from random import Random
from typing import Any

import msgpack

from tests.protocol.lives import ME

HOSTILE: list[Any] = [
    *(None, True, False, "", "bid", "x" * 65, "a/b", "a\n", "ä", b"", b"bid", {}, {"a": 1}, [], [[]], [[[[[[1]]]]]]),
    *(0, 1, -1, 2**31, 2**53 - 1, 2**53, 2**63, 2**64 - 1, -(2**63)),
    *(0.0, -0.0, 0.5, -1.5, 5e-324, 1e-300, 1e9, 1.1e9, 1e12, 1.1e12, 1e21, 1e22, 1e308, math.nan, math.inf, -math.inf),
    *([0.0], [1e12, 1e12], ["1"], [math.nan], [-1.0], [1.0] * 50, msgpack.Timestamp(1), msgpack.ExtType(5, b"x")),
]
TAGS = ["advert", "bid", "withdraw", "withdrawn", "profile", "hold", "award", "accept", "decline", "settled", "void"]
TAGS += ["register", "registered", "deregister", "registry", "request", "invite", "sealed-bid", "contract", "commit"]
TAGS += ["decommit", "blocked", "report", "noted", "deregistered"]
PROFILE_LENGTH = 12
NAMES = ["nobody", "seller", "buyer", "", "a/b", "x" * 65, "buyer\n", 7, None]

Tree = list[Any]


def leaves(tree: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Where every value of a frame is, the lists among them too."""
    yield path
    if isinstance(tree, list):
        for k, value in enumerate(tree):
            yield from leaves(value, (*path, k))


def at(tree: Any, path: tuple[int, ...]) -> Any:
    for k in path:
        tree = tree[k]
    return tree


def replaced(tree: Tree, random: Random, value: Any) -> None:
    path = random.choice([path for path in leaves(tree) if path])
    at(tree, path[:-1])[path[-1]] = value


def any_list(tree: Tree, random: Random) -> Tree:
    found: Tree = at(tree, random.choice([path for path in leaves(tree) if isinstance(at(tree, path), list)]))
    return found


def hostile_value(tree: Tree, random: Random) -> None:
    replaced(tree, random, random.choice(HOSTILE))


def shifted_number(tree: Tree, random: Random) -> None:
    paths = [path for path in leaves(tree) if type(at(tree, path)) in {int, float}]
    if paths:
        path = random.choice(paths)
        at(tree, path[:-1])[path[-1]] += random.choice([-1, 1, 2, -0.5, 1e-9, 100])


def value_of_elsewhere(tree: Tree, random: Random) -> None:
    path = random.choice([path for path in leaves(tree) if path])
    replaced(tree, random, copy.deepcopy(at(tree, path)))


def extra_field(tree: Tree, random: Random) -> None:
    numbers = any_list(tree, random)
    numbers.insert(random.randint(0, len(numbers)), random.choice(HOSTILE))


def missing_field(tree: Tree, random: Random) -> None:
    numbers = any_list(tree, random)
    if numbers:
        del numbers[random.randrange(len(numbers))]


def wrong_tag(tree: Tree, random: Random) -> None:
    random.choice(tree[2])[3][0] = random.choice([*TAGS, "Bid", "", 1])


def wrong_name(tree: Tree, random: Random) -> None:
    random.choice(tree[2])[random.randint(0, 1)] = random.choice(NAMES)


def wrong_version(tree: Tree, random: Random) -> None:
    tree[0] = random.choice([0, 2, -1, 2**40, 1.0, "1", None])


def wrong_life(tree: Tree, random: Random) -> None:
    tree[1] = random.choice([b"", bytes(8), ME[1:], ME + b"0", ME.hex()])


def deep(tree: Tree, random: Random) -> None:
    value: Any = 1
    for _ in range(random.choice([2, 20, 100])):
        value = [value]
    replaced(tree, random, value)


def repeated(tree: Tree, random: Random) -> None:
    tree[2].append(copy.deepcopy(random.choice(tree[2])))


TREES: list[Callable[[Tree, Random], None]] = [
    *(hostile_value, hostile_value, hostile_value, shifted_number, shifted_number, value_of_elsewhere, extra_field),
    *(missing_field, wrong_tag, wrong_name, wrong_version, wrong_life, deep, repeated),
]


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def flipped(data: bytes, random: Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(random.randint(1, 3)):
        spoilt[random.randrange(len(spoilt))] ^= 1 << random.randrange(8)
    return bytes(spoilt)


def overwritten(data: bytes, random: Random) -> bytes:
    spoilt = bytearray(data)
    spoilt[random.randrange(len(spoilt))] = random.randrange(256)
    return bytes(spoilt)


def inserted(data: bytes, random: Random) -> bytes:
    k = random.randrange(len(data) + 1)
    return data[:k] + random.randbytes(random.randint(1, 4)) + data[k:]


def trailing(data: bytes, random: Random) -> bytes:
    return data + random.randbytes(random.randint(1, 9))


def endless(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))] + b"\x91" * 3000


BYTES: list[Callable[[bytes, Random], bytes]] = [cut, flipped, flipped, overwritten, inserted, trailing, endless]


def fitted(tree: Tree) -> None:
    """Give profiles the digest of their book, spoilt as it may be, so that what is checked next is reached."""
    lists = [found for found in map(functools.partial(at, tree), leaves(tree)) if isinstance(found, list)]
    for message in lists:
        if message[:1] == ["profile"] and len(message) == PROFILE_LENGTH:
            _, auction, _, _, _, supply, reserve, _, _, quantities, prices, _ = message
            try:
                numbers = [supply, reserve, *quantities, *prices]
                message[-1] = blake2b(struct.pack(f">Q{len(numbers)}d", auction, *numbers), digest_size=16).digest()
            except (struct.error, TypeError):
                continue


def mutated(rows: Tree, random: Random) -> bytes:
    """A frame of these envelopes for the host ``me``, spoilt in one way or two."""
    tree: Tree = [1, ME, copy.deepcopy(rows)]
    if random.random() < 0.7:
        random.choice(TREES)(tree, random)
    if random.random() < 0.5:
        fitted(tree)
    if random.random() < 0.4:
        return random.choice(BYTES)(msgpack.packb(tree), random)
    return bytes(msgpack.packb(tree))
