"""The way to a Dask cluster."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scenarios.errors import ScenarioError
from scenarios.extras import needs

SCHEDULER = r"dask://.+:\d+"
"""How its scheduler is named."""


@contextmanager
def dask_client(address: str, option: str) -> Iterator[Any]:
    """A client of the scheduler at ``dask://host:port``, which the option of that name gave.

    Raises
    ------
    ScenarioError
        If the address is none, or nobody answers there.
    """
    if not re.fullmatch(SCHEDULER, address):
        raise ScenarioError(f"{option} {address}: write dask://host:port")
    distributed = needs("distributed")
    try:
        client = distributed.Client(address.replace("dask://", "tcp://"), timeout="10s")
    except OSError as error:
        raise ScenarioError(f"{option} {address}: no scheduler answers there; start one: dask scheduler") from error
    with client:
        yield client
