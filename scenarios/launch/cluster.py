"""The parts of one market on the workers of a Dask cluster."""

import itertools
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec

from broker import BrokerAddress
from node.runtime.keys import Keys
from scenarios.dask_link import dask_client
from scenarios.errors import RunError, ScenarioError
from scenarios.files.own import bring_texts
from scenarios.launch.observer import START_DEVICES_S
from scenarios.launch.options import Job
from scenarios.launch.part import Part, carry
from scenarios.launch.parts import host_name
from scenarios.markets.registry import read_market
from scenarios.results import folder as rundir


class Orders(msgspec.Struct, frozen=True):
    """What a worker needs to carry one part: the market and the code that it brings, and what ``Part`` says."""

    market: bytes
    code: dict[str, bytes]
    parts: int
    topic_market: str
    broker: BrokerAddress
    keys: Keys | None
    journals: Path
    bidswarm: str


def threads_of(cluster: str) -> dict[str, int]:
    """How many parts each worker of the cluster can carry at a time, by the worker's address.

    Raises
    ------
    ScenarioError
        If there are no workers.
    """
    with dask_client(cluster, "--place") as client:
        threads: dict[str, int] = client.nthreads()
    if not threads:
        raise ScenarioError(f"--place {cluster}: it has no workers; start one on each machine: dask worker")
    return threads


@contextmanager
def carried(job: Job, topic_market: str, broker: BrokerAddress) -> Iterator[Mapping[str, "Future[None]"]]:
    """Have the workers carry the parts of a run for as long as the context lasts; what became of each, by host.

    A part whose worker is lost is begun again on another one by Dask.
    """
    assert job.options.place is not None
    assert job.options.parts is not None
    code = {file.name: file.read_bytes() for file in (job.folder / "code").glob("*.py")}
    orders = Orders(
        market=(job.folder / "market.json").read_bytes(),
        code=code,
        parts=job.options.parts,
        topic_market=topic_market,
        broker=broker,
        keys=job.keys,
        journals=(job.folder / rundir.JOURNALS).resolve(),
        bidswarm=version("bidswarm"),
    )
    with dask_client(job.options.place, "--place") as client:
        wheres = itertools.cycle(_by_turns(client.nthreads()))
        # A part takes a thread for as long as the market lasts; one that another worker must take waits for a free one.
        yield {
            host_name(number): client.get_executor(pure=False, workers=[where], allow_other_workers=True).submit(
                carry_part, number, orders
            )
            for number, where in zip(range(1, orders.parts + 1), wheres, strict=False)
        }


def _by_turns(threads: Mapping[str, int]) -> list[str]:
    """The workers in the order in which they get parts: one each, then those with more threads another one."""
    return [worker for turn, worker in sorted((k, worker) for worker, many in threads.items() for k in range(many))]


def carry_part(number: int, orders: Orders) -> None:
    """Carry a part, on a worker of Dask."""
    if orders.bidswarm != version("bidswarm"):
        raise RunError(
            f"a worker has bidswarm {version('bidswarm')}, and the run {orders.bidswarm}: install that there"
        )
    bring_texts(tuple(orders.code.items()))
    part = Part(
        market=read_market(orders.market),
        number=number,
        parts=orders.parts,
        topic_market=orders.topic_market,
        broker=orders.broker,
        keys=orders.keys,
        journals=orders.journals,
        patience_s=START_DEVICES_S,
    )
    carry(part, logging.getLogger("distributed.worker.bidswarm").info)
