"""A run over MQTT in which people have things happen: launcher and workers carry out what they order on its page."""

import asyncio
import math
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence

from broker import RunningBroker
from node.runtime.faults.plan import Fault, Plan
from scenarios.errors import ScenarioError
from scenarios.launch.observer import LOOK_S, Observer
from scenarios.launch.options import OVER, Job, Page
from scenarios.launch.placement import Placement
from scenarios.launch.steered import Steered
from scenarios.launch.worker import News
from scenarios.launch.workers import Workers
from scenarios.markets.base import Market
from scenarios.markets.kind import Metrics
from scenarios.markets.steering import Order

LEAD_S, LEAD_S_PER_NODE = 0.1, 1e-4
"""What is ordered happens so much later, at least, and per node: all whom it concerns have heard of it by then."""


class Stage:
    """Takes orders from the page of a run, and has the workers carry them out.

    Parameters
    ----------
    carried
        The hosts of each worker.
    break_
        Has the launcher kill and restart workers by a plan, and tell of it.
    """

    def __init__(
        self,
        job: Job,
        steered: Steered,
        observer: Observer,
        workers: Workers,
        carried: Mapping[int, Sequence[str]],
        broker: RunningBroker,
        break_: Callable[[Plan], Coroutine[None, None, None]],
    ) -> None:
        self._job = job
        self._steered = steered
        self._observer = observer
        self._workers = workers
        self._worker_of = {host: index for index, hosts in carried.items() for host in hosts}
        self._carried = carried
        self._broker = broker
        self._break = break_
        self._last_ms = 0

    async def obey(self, page: Page) -> None:
        """Carry out what is ordered, one after the other, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                while order := page.take_order():
                    text, is_refused = self._obeyed(order, page)
                    page.answer(text, is_refused=is_refused)
                while move := page.take_move():
                    self._workers.tell([self._worker_of[self.placement[move.node]]], move)
                await asyncio.sleep(LOOK_S)

    def _obeyed(self, order: Order, page: Page) -> tuple[str, bool]:
        """Have happen what somebody ordered; what to say of it, and whether it is refused."""
        try:
            self._check_reached(order.node)
            at_s = self._moment()
            happens = self._steered.obey(order, at_s, self)
        except ScenarioError as error:
            return str(error), True
        page.revise(self._steered.market)
        return f"{at_s:g} s: {happens}", False

    def _check_reached(self, node: str) -> None:
        """Raise ScenarioError if somebody else carries the node."""
        job = self._job
        if job.options.parts or node in job.market.devices:
            raise ScenarioError(
                "bidswarm run reaches those users alone whom its own workers carry: no device, and nobody with --parts "
                "or --place"
            )

    def _moment(self) -> float:
        """When what is ordered now happens, seconds since the market opened; never twice the same.

        Raises
        ------
        ScenarioError
            If nothing can happen now.
        """
        job, observer = self._job, self._observer
        if observer.opened_at is None:
            raise ScenarioError("the market is not open yet: nothing can happen in it before")
        at_s = observer.clock() - observer.opened_at + LEAD_S + LEAD_S_PER_NODE * job.market.nodes
        if observer.ended_at is not None or at_s > job.limit_s:
            raise ScenarioError(OVER)
        self._last_ms = max(math.ceil(1000.0 * at_s), self._last_ms + 1)
        return self._last_ms / 1000.0

    # The run, as what is ordered meets it

    @property
    def placement(self) -> Placement:
        """Who sits on which host."""
        return self._job.placement

    @property
    def metrics(self) -> Metrics:
        """What watches it."""
        assert self._job.metrics is not None
        return self._job.metrics

    def is_awake(self, host: str) -> bool:
        """Whether its worker is alive, and the host ready, with a broker."""
        return (
            not self._broker.is_down
            and self._worker_of[host] not in self._workers.away
            and self._observer.is_present(host)
        )

    def process_of(self, host: str) -> Collection[str]:
        """The hosts that the same worker carries."""
        return self._carried[self._worker_of[host]]

    def shift(self, market: Market, node: str, at_s: float) -> None:
        """Have the worker of the node hand it what happens to it."""
        del market  # which the worker reads in the folder
        host = self.placement[node]
        self._workers.tell([self._worker_of[host]], self._news(at_s, node))

    def strike(self, fault: Fault) -> None:
        """Have something go wrong; the workers see to a cut by themselves."""
        self._observer.disturb()
        self._tasks.create_task(self._break(Plan(faults=(fault,))), name=f"{fault.kind} on order")
        if fault.kind == "partition":
            self._workers.tell(self._carried, self._news(fault.at_s))

    def _news(self, at_s: float, node: str = "") -> News:
        assert self._observer.opened_at is not None
        return News(at_s, self._observer.opened_at, node)
