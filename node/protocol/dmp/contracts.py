"""The contracts of a market: who carries which call, and how the outcome moves the carrier's reputation."""

import heapq
import math
from collections.abc import Iterator

from node.protocol.dmp import journal
from node.protocol.dmp.customers import Case
from node.protocol.dmp.networks import Networks
from node.protocol.dmp.trace import CallDecommitted, CallServed, ReputationMoved
from node.protocol.machine import Effect, Persist


class Contracts:
    """Calls that are carried, by the number of their auction.

    A call is served when its time in the market is over and nothing else is known: outcomes move reputations in the
    order of market time, whatever order messages come in.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._ends: list[tuple[float, int]] = []
        self._carried: dict[int, tuple[Case, str]] = {}

    def add(self, number: int, case: Case, network: str, ends_s: float) -> None:
        """The network carries the call until that second of the market."""
        case.number = number
        heapq.heappush(self._ends, (ends_s, number))
        self._carried[number] = (case, network)

    def remember_end(self, number: int, *, served: bool) -> None:
        """Restore how a call ended in an earlier life."""
        case, network = self._carried.pop(number)
        case.served = served
        self._networks.count(network, served=served)

    def carries(self, network: str, number: int) -> bool:
        """Whether the network carries the call of that auction."""
        return number in self._carried and self._carried[number][1] == network

    def case(self, number: int) -> Case:
        """The call of that auction, which is carried."""
        return self._carried[number][0]

    def carried_by(self, network: str) -> list[int]:
        """Auctions whose calls the network carries and whose customers have not reported them served."""
        return [number for number, (case, one) in self._carried.items() if one == network and not case.reported]

    def over(self, market_s: float = math.inf) -> Iterator[Effect]:
        """End the calls whose time is over by then: they were served."""
        while self._ends and self._ends[0][0] <= market_s:
            _, number = heapq.heappop(self._ends)
            if number in self._carried:
                case, network = self._carried.pop(number)
                yield from self.counted(network, number, case, served=True)

    def broken(self, number: int) -> Iterator[Effect]:
        """End a call before its time."""
        case, network = self._carried.pop(number)
        yield from self.counted(network, number, case, served=False)

    def counted(self, network: str, number: int, case: Case, *, served: bool) -> Iterator[Effect]:
        """Move the network's reputation by the outcome."""
        case.served = served
        call = case.request.call
        if served:
            # Its time being over, the call is served in every life, so this line may be lost with the power.
            yield Persist(journal.Served(network, call, number), binds=False)
            yield CallServed(network, call, number)
        else:
            yield Persist(journal.Decommitted(network, call, number))
            yield CallDecommitted(network, call, number)
        if self._networks.count(network, served=served):
            yield ReputationMoved(network, number, self._networks.of(network).reputation.value)
