"""Has the runs of a sweep done by a crew, and takes in what becomes of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from itertools import chain, islice

from scenarios.errors import RunError
from scenarios.sweep.executors import Crew
from scenarios.sweep.plan import Order
from scenarios.sweep.work import Done, broken, perform

AHEAD = 2
"""Runs in flight per worker, so that none waits for this process."""

DIED = RunError("its worker process died, twice; if the system killed it for want of memory, take fewer --workers")

Take = Callable[[Done], None]


def drive(orders: Iterator[Order], crew: Crew, take: Take) -> None:
    """Have all orders carried out; ``take`` is told of each run when it is over, in any order.

    A run whose worker died is repeated once, alone, so that it is known which one killed its worker.
    """
    while suspects := _served(orders, crew, take):
        for order in suspects:
            if _served(iter([order]), crew, take):
                take(broken(order, DIED))


def _served(orders: Iterator[Order], crew: Crew, take: Take) -> list[Order]:
    """Hire the crew for these orders; those that were in flight when a worker died, which ends it for the others."""
    first = next(orders, None)
    if first is None:
        return []
    orders = chain([first], orders)
    flying: dict[Future[Done], Order] = {}
    lost: list[Order] = []
    with crew.hire() as (executor, workers):
        while not lost:
            for order in islice(orders, AHEAD * workers - len(flying)):
                try:
                    flying[executor.submit(perform, order)] = order
                except BrokenExecutor:
                    lost.append(order)
                    break
            if not flying:
                break
            lost += _landed(flying, take)
        while flying:
            lost += _landed(flying, take)
    return lost


def _landed(flying: dict[Future[Done], Order], take: Take) -> list[Order]:
    """Wait for the next runs to end, and take in what became of them; the orders of those whose worker died.

    Raises
    ------
    RunError
        If the workers were taken away.
    """
    lost: list[Order] = []
    for future in wait(flying, return_when=FIRST_COMPLETED).done:
        order = flying.pop(future)
        try:
            done = future.result()
        except BrokenExecutor:
            lost.append(order)
            continue
        except CancelledError as error:
            raise RunError("the workers were taken away; --resume does what is missing") from error
        except Exception as error:  # noqa: BLE001 - of the executor: a worker that Dask gave up, for example
            done = broken(order, error)
        take(done)
    return lost
