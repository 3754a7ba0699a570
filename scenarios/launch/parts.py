"""A market in parts, which processes on several machines carry: neighbours in the market share a machine."""

import hashlib

import msgspec
import numpy as np

from scenarios.extras import needs
from scenarios.launch.options import RunOptions
from scenarios.launch.placement import Placement, placed
from scenarios.launch.worker import placement_of
from scenarios.markets.base import Market


def parted(market: Market, parts: int) -> Placement:
    """The users on hosts called host-1, host-2, …, one for each part; the sizes of parts differ by one at most.

    A companion and a device count to no part: one goes with another node, the other is started by somebody else.
    """
    dealt = [name for name in _by_neighbourhood(market) if name not in {**market.devices, **market.companions}]
    return placed(market, {name: host_name(k * parts // len(dealt) + 1) for k, name in enumerate(dealt)})


def placement_for(market: Market, options: RunOptions, workers: int) -> Placement:
    """Who sits on which host, whoever starts the hosts."""
    return parted(market, options.parts) if options.parts else placement_of(market, options.connections, workers)


def _by_neighbourhood(market: Market) -> list[str]:
    """All users in an order that has those who trade with each other close together.

    The order is that of Cuthill and McKee (1969), reversed, which keeps the bandwidth of the graph small; it depends
    on the market alone.
    """
    csgraph, sparse = needs("scipy.sparse.csgraph"), needs("scipy.sparse")
    names = list(market.user_names)
    index = {name: k for k, name in enumerate(names)}
    pairs = [(index[one], index[other]) for one, others in market.neighbours.items() for other in others]
    if not pairs:
        return names
    rows, columns = np.array(pairs).T
    graph = sparse.coo_array((np.ones(2 * rows.size), (np.r_[rows, columns], np.r_[columns, rows])), 2 * (len(names),))
    order = csgraph.reverse_cuthill_mckee(sparse.csr_matrix(graph), symmetric_mode=True)
    return [names[k] for k in order.tolist()]


def fingerprint(market: Market) -> str:
    """What tells a drawn market from any other: SHA-256 of all its numbers, in hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(market)).hexdigest()


PARTS = r"parts [0-9]+ [0-9a-f]{64}"
"""What the launcher says on the control topic while it waits for parts that somebody else starts."""


def assembly(market: Market, parts: int) -> bytes:
    """The launcher's word of that pattern: into how many parts it deals which market."""
    return f"parts {parts} {fingerprint(market)}".encode()


def host_name(number: int) -> str:
    """What the host of a part is called, counted from 1."""
    return f"host-{number}"
