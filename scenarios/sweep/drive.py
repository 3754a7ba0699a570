"""Has the runs of a sweep done by a crew, and takes in what becomes of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from itertools import chain, islice

from scenarios.errors import RunError
from scenarios.sweep.executors import Crew
from scenarios.sweep.plan import Order
from scenarios.sweep.work import Done, broken, perform

AHEAD = 2
"""Batches in flight per worker, so that none waits for this process."""

DIED = RunError("its worker process died, twice; if the system killed it for want of memory, take fewer --workers")

Take = Callable[[Done], None]

Batch = list[Order]


def drive(orders: Iterator[Order], crew: Crew, take: Take) -> None:
    """Have all orders carried out; ``take`` is told of each run when it is over, in any order.

    A run whose worker died is repeated once, alone, so that it is known which one killed its worker.
    """
    while suspects := _served(orders, crew, take):
        for order in suspects:
            if _served(iter([order]), crew, take):
                take(broken(order, DIED))


def _served(orders: Iterator[Order], crew: Crew, take: Take) -> Batch:
    """Hire the crew for these orders; those that were in flight when a worker died, which ends it for the others."""
    first = next(orders, None)
    if first is None:
        return []
    batches = _batches(chain([first], orders), crew.batch)
    flying: dict[Future[list[Done]], Batch] = {}
    lost: Batch = []
    with crew.hire() as executor:
        while not lost:
            for batch in islice(batches, AHEAD * crew.workers - len(flying)):
                if not _submitted(executor, batch, flying):
                    lost += batch
                    break
            if not flying:
                break
            lost += _landed(flying, take)
        while flying:
            lost += _landed(flying, take)
    return lost


def _batches(orders: Iterator[Order], size: int) -> Iterator[Batch]:
    while batch := list(islice(orders, size)):
        yield batch


def _submitted(executor: Executor, batch: Batch, flying: dict[Future[list[Done]], Batch]) -> bool:
    """Hand the batch to the executor; whether it took it."""
    try:
        flying[executor.submit(perform, batch)] = batch
    except BrokenExecutor:
        return False
    return True


def _landed(flying: dict[Future[list[Done]], Batch], take: Take) -> Batch:
    """Wait for the next batches to end, and take in what they brought; the orders of those whose worker died."""
    lost: Batch = []
    for future in wait(flying, return_when=FIRST_COMPLETED).done:
        batch = flying.pop(future)
        try:
            results = future.result()
        except BrokenExecutor:
            lost += batch
            continue
        except Exception as error:  # noqa: BLE001 - of the executor: a worker that Dask gave up, for example
            results = [broken(order, error) for order in batch]
        for done in results:
            take(done)
    return lost
