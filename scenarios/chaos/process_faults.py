"""What a plan of faults means for a run over MQTT: what dies and comes back when, and what observers are told."""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from node.runtime.faults.plan import Fault, FaultBegun, FaultHealed, FaultRecord, Plan


class Deed(NamedTuple):
    """An action, and how many seconds after the opening it is due."""

    at_s: float
    do: Callable[[], Awaitable[None]]


class Breaker(Protocol):
    """Kills and restarts the processes of a run."""

    async def kill_worker(self, index: int, *, comes_back: bool) -> None:
        """End a worker by SIGKILL."""
        ...

    async def restart_worker(self, index: int) -> None:
        """Start it again."""
        ...

    async def kill_broker(self) -> None:
        """End the broker by SIGKILL."""
        ...

    async def restart_broker(self) -> None:
        """Start it again, on its port."""
        ...

    async def tell(self, kind: type[FaultRecord], fault: Fault) -> None:
        """Let observers know that a fault begins, or is over."""
        ...


def deeds(plan: Plan, carried: Mapping[int, Sequence[str]], breaker: Breaker) -> list[Deed]:
    """The plan's kills, restarts and trace notes, sorted by time; ``carried`` are the hosts of each worker."""
    found = [*_told(plan, breaker), *_broker(plan, breaker), *_workers(plan, carried, breaker)]
    return sorted((one for one in found if one.at_s < math.inf), key=lambda one: one.at_s)


def _told(plan: Plan, breaker: Breaker) -> Iterator[Deed]:
    for one in plan.faults:
        yield Deed(one.at_s, partial(breaker.tell, FaultBegun, one))
        yield Deed(one.until_s, partial(breaker.tell, FaultHealed, one))


def _broker(plan: Plan, breaker: Breaker) -> Iterator[Deed]:
    for begins, ends in plan.broker_crashes():
        yield Deed(begins, breaker.kill_broker)
        yield Deed(ends, breaker.restart_broker)


def _workers(plan: Plan, carried: Mapping[int, Sequence[str]], breaker: Breaker) -> Iterator[Deed]:
    for index, hosts in carried.items():
        for begins, ends in plan.crashes(hosts):
            yield Deed(begins, partial(breaker.kill_worker, index, comes_back=ends < math.inf))
            yield Deed(ends, partial(breaker.restart_worker, index))
