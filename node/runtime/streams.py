"""Random streams that depend on who draws and what for, never on the order of creation."""

import hashlib

import numpy as np


def stream(seed: int, owner: str, purpose: str) -> np.random.Generator:
    """The stream of ``owner`` for ``purpose`` in a run with this root seed."""
    key = hashlib.blake2b(f"{owner}\0{purpose}".encode(), digest_size=16).digest()
    words = [int.from_bytes(key[k : k + 4], "little") for k in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=words)))
