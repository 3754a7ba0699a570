"""The random costs and reputations of a study, block by block."""

from collections.abc import Iterator

import numpy as np

from node.mechanism.checks import FloatArray
from node.runtime.streams import stream

BLOCK_NUMBERS = 3 * 2**13
"""Costs drawn at a time: with as many reputations, and what is made of them, they stay in a core's cache."""


def blocks(seed: int, bidders: int, purpose: str, size: int | None = None) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Costs and reputations, independent and uniform on [0, 1), of one auction after another, without end.

    Each bidder has a stream of its own for each of the two, so that neither the size of the blocks nor the number of
    rivals changes what it draws.

    Parameters
    ----------
    size
        Auctions per block; so many that the block stays in a core's cache, if not given.

    Yields
    ------
    tuple of FloatArray
        Both of shape (bidders, size). The next block overwrites them.
    """
    size = size or max(64, BLOCK_NUMBERS // bidders)
    drawn = np.empty((2, bidders, size))
    streams = [
        [stream(seed, f"bidder-{bidder}", f"{purpose}/{what}") for bidder in range(bidders)]
        for what in ("cost", "reputation")
    ]
    while True:
        for rows, generators in zip(drawn, streams, strict=True):
            for row, generator in zip(rows, generators, strict=True):
                generator.random(out=row)
        yield drawn[0], drawn[1]


def uniform_bid(cost: FloatArray, bidders: int) -> FloatArray:
    """The paper's bid b*(c) = c + (1 - c)/N for costs uniform on [0, 1] (Proposition 2).

    ``node.mechanism.dmp.first_price_bid`` says the same of any distribution, and takes longer than all the rest of a
    study.
    """
    return cost * (1.0 - 1.0 / bidders) + 1.0 / bidders
