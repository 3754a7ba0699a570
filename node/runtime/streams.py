"""Random streams that depend on who draws and what for, never on the order of creation."""

import hashlib

import numpy as np

from node.protocol.numbers import LIFE_BYTES


def life(seed: int, owner: str, start: int) -> bytes:
    """The life (docs/protocol.md, section 2) of the process of ``owner`` that is its ``start``-th, from 0.

    A hash: a stream for each of thousands of hosts would take thirty times as long to make.
    """
    return hashlib.blake2b(f"{seed}\0{owner}\0life {start}".encode(), digest_size=LIFE_BYTES).digest()


def stream(seed: int, owner: str, purpose: str) -> np.random.Generator:
    """The stream of ``owner`` for ``purpose`` in a run with this root seed."""
    key = hashlib.blake2b(f"{owner}\0{purpose}".encode(), digest_size=16).digest()
    words = [int.from_bytes(key[k : k + 4], "little") for k in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=words)))
