"""The market that the benchmark of MQTT throughput trades in: separate auctions, and buyers who never rest."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from node.mechanism.valuation import Parabolic
from node.protocol.machine import Machine
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.protocol.topics import address
from node.runtime.streams import stream
from node.strategy.psp.adaptive import AdaptiveBestReply
from node.strategy.psp.offer import HOLD, BuyerStrategy, Decision, Need, Offer, Target
from node.strategy.psp.reserve import FixedReserve
from node.strategy.random import Random

BUYERS_EACH = 19


class Thoughtless:
    """The trivial strategy: holds whatever it sees."""

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        del participants, round_trip_s, random
        return 0.0

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        del now, need, offers
        return HOLD


@dataclass(slots=True)
class Restless:
    """Decides as ``inner`` does, at once; where that would hold, it bids one per cent less, or as much again."""

    inner: BuyerStrategy
    _targets: list[Target] = field(init=False, default_factory=list)
    _is_less: bool = field(init=False, default=False)

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        self.inner.think_time(participants, round_trip_s, random)
        return 0.0

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        decision = self.inner.decide(now, need, offers)
        if decision.targets is not None:
            self._targets = list(decision.targets)
            return Decision(self._targets)
        if not self._targets:
            self._targets = [Target(10.0, need.valuation.marginal(10.0)) for _ in offers]
        self._is_less = not self._is_less
        share = 0.99 if self._is_less else 1.0
        return Decision([Target(share * target.quantity, target.price) for target in self._targets])


def placed(auctions: int, hosts: int | None) -> dict[str, str]:
    """Node to host: each node on its own, or a seller and its buyers on two neighbours of so many hosts.

    No message then stays inside one process, where mango-agents would not use MQTT.
    """
    placement = {}
    for s in range(auctions):
        placement[f"seller-{s}"] = s
        placement |= {f"buyer-{s}-{b}": s + 1 for b in range(BUYERS_EACH)}
    return {name: name if hosts is None else f"host-{k % hosts}" for name, k in placement.items()}


def machine(name: str, placement: dict[str, str], clearing_s: float, *, trivial: bool) -> Machine:
    """The seller or buyer of that name; nothing is to end or to be repeated while the clock runs."""
    timing = Timing(clearing_s, quiet_period_s=3600.0, retry_s=5.0)
    if name.startswith("seller"):
        return Seller(400.0, FixedReserve(0.01), timing)
    draws = stream(1, name, "population")
    seller = f"seller-{name.split('-')[1]}"
    valuation = Parabolic(float(draws.uniform(20.0, 100.0)), float(draws.uniform(5.0, 20.0)))
    full = AdaptiveBestReply(epsilon_start=40.0, epsilon_end=0.6)
    strategy = Restless(Thoughtless() if trivial else full)
    return Buyer([address(placement[seller], seller)], valuation, strategy, timing, stream(1, name, "thinking"))
