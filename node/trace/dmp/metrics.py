"""A Digital Marketplace as its trace tells it: every call, every operator, and whether the books agree."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from node.protocol.dmp.trace import (
    CallAuctioned,
    CallBlocked,
    CallBrokered,
    CallCommitted,
    CallContracted,
    CallDecommitted,
    CallRequested,
    CallServed,
    MarketClosed,
    NetworkRegistered,
    OutcomeHeard,
    PriceOffered,
    ReputationMoved,
)
from node.protocol.topics import node_of
from node.protocol.trace import Record, Resumed, Trace

Outcome = Literal["", "served", "decommitted", "blocked"]
"""Empty while it is open."""

_OUTCOMES = frozenset({"served", "decommitted", "blocked"})


@dataclass(slots=True)
class CallRow:
    """One auctioned call.

    Attributes
    ----------
    at_s
        Seconds of the market.
    customer, number
        Who asked the market agent, a terminal or a service agent, and which of its calls it is.
    price, compound, cost
        Of the winner, money; NaN where the call was blocked.
    best, best_value
        The operator with the least w·cost + (1 - w)·reputation among those that made an offer, and that least; the
        winner, if it is one of several; empty and NaN if nobody did.
    value
        The same of the winner.
    """

    auction: int
    at_s: float
    customer: str
    number: int
    price_weight: float
    winner: str = ""
    price: float = float("nan")
    compound: float = float("nan")
    cost: float = float("nan")
    best: str = ""
    best_value: float = float("nan")
    value: float = float("nan")
    offers: int = 0
    outcome: Outcome = ""


@dataclass(slots=True)
class OperatorCount:
    """One operator so far: calls won, served and decommitted, money earned and spent on those it served."""

    won: int = 0
    served: int = 0
    decommitted: int = 0
    revenue: float = 0.0
    cost: float = 0.0
    reputation: float = 0.0


@dataclass(slots=True)
class TerminalCount:
    """One terminal so far: calls by outcome, and money for those that were served."""

    requested: int = 0
    served: int = 0
    decommitted: int = 0
    blocked: int = 0
    paid: float = 0.0


class CallMetrics:
    """Folds the records of a run, in the order of time. Who watches it live may miss some of them.

    A node that is started anew says ``resumed`` and then again what it has written down: that counts once.

    Attributes
    ----------
    operators
        By name; whoever else registers as a network is added.
    reputations
        (seconds of the market, operator, reputation), in the order of the changes.
    """

    def __init__(self, agent: str, operators: Sequence[str], terminals: Sequence[str]) -> None:
        self.operators = {name: OperatorCount() for name in operators}
        self.terminals = {name: TerminalCount() for name in terminals}
        self.reputations: list[tuple[float, str, float]] = []
        self.is_closed = False
        self._agent = agent
        self._market_s = 0.0
        self._rows: dict[int, CallRow] = {}
        self._auctions: dict[tuple[str, int], int] = {}
        self._costs: defaultdict[int, dict[str, float]] = defaultdict(dict)
        self._committed: defaultdict[int, list[str]] = defaultdict(list)
        self._requested: set[tuple[str, int]] = set()
        self._resumed: set[str] = set()
        self._outcomes: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        self._brokered: dict[tuple[str, int], tuple[str, int]] = {}

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        node, what = node_of(record.node), record.what
        read = self._readers(node).get(type(what))
        if read:
            read(self, node, what)

    def _readers(self, node: str) -> "_Readers":
        """What is heeded of what this node tells."""
        if node == self._agent:
            return self._OF_MARKET_AGENT
        if node in self.operators:
            return self._OF_OPERATORS
        return self._OF_TERMINALS if node in self.terminals else self._OF_OTHERS

    # The market agent

    def _on_auction(self, _: str, called: CallAuctioned) -> None:
        if called.auction in self._rows:
            return
        self._market_s, customer = called.market_s, node_of(called.customer)
        self._drop_undecided((customer, called.call), called.auction)
        row = CallRow(called.auction, called.market_s, customer, called.call, called.price_weight)
        self._rows[called.auction] = row

    def _on_registration(self, _: str, registered: NetworkRegistered) -> None:
        self._has_reputation(node_of(registered.network), registered.reputation)

    def _on_reputation(self, _: str, moved: ReputationMoved) -> None:
        self._has_reputation(node_of(moved.network), moved.reputation)

    def _has_reputation(self, operator: str, reputation: float) -> None:
        self._count_of(operator).reputation = reputation
        self.reputations.append((self._market_s, operator, reputation))

    def _on_market_closing(self, _: str, _closed: MarketClosed) -> None:
        self.is_closed = True

    def _drop_undecided(self, call: tuple[str, int], auction: int) -> None:
        """A market agent that was started anew holds the auction again in which it was stopped."""
        former = self._rows.get(self._auctions[call]) if call in self._auctions else None
        if former and not (former.winner or former.outcome):
            del self._rows[former.auction]
        self._auctions[call] = auction

    def _on_contract(self, _: str, contracted: CallContracted) -> None:
        row = self._rows.get(contracted.auction)
        if row and not row.winner:
            row.winner, row.price = node_of(contracted.network), contracted.price_money
            row.compound = contracted.compound_bid
            self._compare(row)
            self._count_of(row.winner).won += 1

    def _on_blocking(self, _: str, blocked: CallBlocked) -> None:
        row = self._rows.get(blocked.auction)
        if row and not row.outcome:
            row.outcome = "blocked"
            self._compare(row)

    def _count_of(self, operator: str) -> OperatorCount:
        return self.operators.setdefault(operator, OperatorCount())

    def _compare(self, row: CallRow) -> None:
        """Find the efficient winner: the offer with the least w·c + (1 - w)·r (docs/dmp.md)."""
        costs, w = self._costs.pop(row.auction, {}), row.price_weight
        values = {one: w * cost + (1.0 - w) * self.operators[one].reputation for one, cost in sorted(costs.items())}
        row.offers = len(values)
        if values:
            row.best = min(values, key=lambda one: (values[one], one != row.winner))
            row.best_value = values[row.best]
        if row.winner in values:
            row.value, row.cost = values[row.winner], costs[row.winner]

    def _on_service(self, _: str, served: CallServed) -> None:
        row = self._rows.get(served.auction)
        if row and not row.outcome:
            row.outcome = "served"
            operator = self._count_of(node_of(served.network))
            operator.served += 1
            # A killed process may have lost records that it had not written yet.
            operator.revenue += 0.0 if math.isnan(row.price) else row.price
            operator.cost += 0.0 if math.isnan(row.cost) else row.cost

    def _on_decommitment(self, _: str, decommitted: CallDecommitted) -> None:
        row = self._rows.get(decommitted.auction)
        if row and not row.outcome:
            row.outcome = "decommitted"
            self._count_of(node_of(decommitted.network)).decommitted += 1

    # The others

    def _on_resumption(self, node: str, _: Resumed) -> None:
        self._resumed.add(node)

    def _on_offer(self, operator: str, offered: PriceOffered) -> None:
        row = self._rows.get(offered.auction)
        if row and row.winner == operator and math.isnan(row.cost):  # who watches live may hear it after the contract
            row.cost = offered.cost_money
            if row.outcome == "served":
                self.operators[operator].cost += offered.cost_money
        self._costs[offered.auction][operator] = offered.cost_money

    def _on_commit(self, operator: str, committed: CallCommitted) -> None:
        carriers = self._committed[committed.auction]
        if not (operator in self._resumed and operator in carriers):  # else it is said again
            carriers.append(operator)

    def _on_brokering(self, agent: str, brokered: CallBrokered) -> None:
        self._brokered[agent, brokered.own_call] = (node_of(brokered.terminal), brokered.call)

    def _on_request(self, terminal: str, requested: CallRequested) -> None:
        call = terminal, requested.call
        if call not in self._requested:
            self._requested.add(call)
            self.terminals[terminal].requested += 1

    def _on_outcome(self, terminal: str, heard: OutcomeHeard) -> None:
        call = terminal, heard.call
        if terminal in self._resumed and heard.outcome in self._outcomes.get(call, ()):
            return  # a restarted node repeats this record
        self._outcomes[call].append(heard.outcome)
        count = self.terminals[terminal]
        setattr(count, heard.outcome, getattr(count, heard.outcome) + 1)
        count.paid += heard.price_money if heard.outcome == "served" else 0.0

    # All together

    @property
    def calls(self) -> list[CallRow]:
        """One row per auction, in their order."""
        return list(self._rows.values())

    def terminal_of(self, auction: int) -> str:
        """The terminal whose call was auctioned, also where a service agent asked for it; empty if it is not known."""
        row = self._rows.get(auction)
        return self._brokered.get((row.customer, row.number), (row.customer, 0))[0] if row else ""

    @property
    def done(self) -> int:
        """Calls of which their terminals know the outcome."""
        return sum(one.served + one.decommitted + one.blocked for one in self.terminals.values())

    @property
    def in_doubt(self) -> int:
        """Calls of which their terminals know no outcome."""
        return len(self._requested - self._outcomes.keys())

    def count(self, outcome: Outcome) -> int:
        """Auctioned calls with this outcome."""
        return sum(row.outcome == outcome for row in self._rows.values())

    def breaches(self) -> list[str]:
        """Where the books of terminals, networks and market agent do not agree: nothing lost, nothing served twice.

        What one of them has not written yet counts once the market has closed.
        """
        lost = self._requested - self._outcomes.keys() if self.is_closed else ()
        found = [f"{node} call {call}: no outcome" for node, call in sorted(lost)]
        for (node, call), kinds in sorted(self._outcomes.items()):
            if len(kinds) > 1:
                found.append(f"{node} call {call}: more than one outcome: {', '.join(kinds)}")
        auctioned: dict[tuple[str, int], str] = {}
        for row in self._rows.values():
            key = self._brokered.get((row.customer, row.number), (row.customer, row.number))
            if key in auctioned:
                found.append(f"{key[0]} call {key[1]}: auctioned twice")
            auctioned[key] = row.outcome
            found += self._row_breaches(row)
        for key, kinds in sorted(self._outcomes.items()):
            told = auctioned.get(key, "never auctioned") or "open"
            if told != kinds[0] and (self.is_closed or told in _OUTCOMES):
                found.append(f"{key[0]} call {key[1]}: {kinds[0]}, but the market agent has it as {told}")
        return found

    def _row_breaches(self, row: CallRow) -> list[str]:
        carriers = self._committed.get(row.auction, [])
        if len(carriers) > 1:
            return [f"auction {row.auction}: carried by {' and '.join(carriers)}"]
        # A market agent that was killed may not have written who won.
        if carriers and carriers[0] != row.winner and (row.winner or row.outcome or self.is_closed):
            return [f"auction {row.auction}: carried by {carriers[0]}, won by {row.winner or 'nobody'}"]
        if row.outcome == "served" and not carriers and self.is_closed:
            return [f"auction {row.auction}: served, but carried by nobody"]
        return []

    _OF_MARKET_AGENT: ClassVar["_Readers"] = {
        CallAuctioned: _on_auction,
        NetworkRegistered: _on_registration,
        ReputationMoved: _on_reputation,
        CallContracted: _on_contract,
        CallBlocked: _on_blocking,
        CallServed: _on_service,
        CallDecommitted: _on_decommitment,
        MarketClosed: _on_market_closing,
    }
    _OF_OPERATORS: ClassVar["_Readers"] = {
        PriceOffered: _on_offer,
        CallCommitted: _on_commit,
        Resumed: _on_resumption,
    }
    _OF_TERMINALS: ClassVar["_Readers"] = {
        CallRequested: _on_request,
        OutcomeHeard: _on_outcome,
        Resumed: _on_resumption,
    }
    _OF_OTHERS: ClassVar["_Readers"] = {CallBrokered: _on_brokering}


_Readers = dict[type[Trace], Callable[[CallMetrics, str, Any], None]]
