"""Learners among the nodes of the world ``sim``."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from node.mechanism.checks import FloatArray
from node.protocol.host import Host
from node.protocol.planned import Planned
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.events import MindChanged
from node.protocol.psp.messages import ExchangeMessage
from node.protocol.topics import address
from node.protocol.wire.frames import Codec
from node.runtime.sim.simulation import LinkModel, Simulation
from node.strategy.psp.policy import Slots, observation, targets
from scenarios.markets.psp.market import Market
from scenarios.markets.psp.nodes import exchange_machines

_MANY = 1_000_000
"""Events at once."""


class SimulatedWorld:
    """A market on virtual time, in which actions are told to some buyers and carried out by their nodes."""

    def __init__(self, market: Market, learners: Sequence[str], slots: int, step_s: float) -> None:
        buyers = [msgspec.structs.replace(one, by_hand=one.name in learners) for one in market.buyers]
        market, names = msgspec.structs.replace(market, buyers=buyers), market.user_names
        self._slots = {name: Slots(slots) for name in learners}
        self._step_s = step_s
        addresses = {name: address(name, name) for name in names}
        machines = dict(exchange_machines(market, addresses, set(names)))
        bare = {name: one.machine if isinstance(one, Planned) else one for name, one in machines.items()}
        self._buyers = {name: one for name, one in bare.items() if isinstance(one, Buyer) and name in learners}
        codec = Codec(ExchangeMessage)
        hosts = [Host(name, {name: machines[name]}, codec) for name in names]
        links = LinkModel(**msgspec.structs.asdict(market.network))
        self._simulation = Simulation(hosts, links, market.seed, _forget)
        self._leaves = {one.node: one.at_s for one in market.shifts if one.kind == "leave"}
        self._until = self._simulation.open_market()

    def observe(self) -> dict[str, FloatArray]:
        """What each learner sees."""
        return {name: observation(*self._buyers[name].sees, slots) for name, slots in self._slots.items()}

    def utilities(self) -> dict[str, float]:
        """What each learner has, and would have if all auctions were awarded now, money."""
        return {name: buyer.utility for name, buyer in self._buyers.items()}

    def step(self, actions: Mapping[str, FloatArray], leaving: Collection[str] = ()) -> None:
        """Tell the learners what to bid, and let a step of time go by; those who leave have it in their plans."""
        self._tell(actions, stand=False)
        self._until += self._step_s
        # Who leaves just when the step ends does so in this step, whatever rounding made of both times.
        left = [self._simulation.opened_at + self._leaves[name] for name in leaving]
        self._go_on(max([self._until, *left]))

    def end(self, actions: Mapping[str, FloatArray], leaving: Collection[str], timeout_s: float) -> None:
        """Tell them what they bid in the end, and let the market settle, at most ``timeout_s`` after its opening."""
        del leaving
        self._tell(actions, stand=True)
        self._go_on(max(self._until, self._simulation.opened_at + timeout_s))

    def _tell(self, actions: Mapping[str, FloatArray], *, stand: bool) -> None:
        for name, action in actions.items():
            need, offers = self._buyers[name].sees
            bids = zip(offers, targets(action, need, offers, self._slots[name]), strict=True)
            self._simulation.tell(name, name, MindChanged({offer.seller: bid for offer, bid in bids}, stand))

    def _go_on(self, until: float) -> None:
        self._simulation.planned(until, _nothing)
        while self._simulation.run(until, _MANY):
            pass


def _forget(records: object) -> None:
    del records


def _nothing() -> None:
    """So that time goes by."""
