"""A Digital Marketplace as its trace tells it: every call, every operator, and whether the books agree."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from node.protocol.host import Record
from node.protocol.topics import node_of

Outcome = Literal["", "served", "decommitted", "blocked"]
"""Empty while it is open."""

_OUTCOMES: dict[str, Outcome] = {"served": "served", "decommitted": "decommitted", "blocked": "blocked"}


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

    def add(self, record: Record) -> None:
        """Take in the next record."""
        node = node_of(record.node)
        if node == self._agent:
            self._market(record, node_of(record.peer))
        elif node in self.operators:
            self._operator(node, record)
        elif node in self.terminals:
            self._terminal(node, record)
        elif record.kind == "brokered":
            self._brokered[node, record.round] = (node_of(record.peer), record.seq)

    # The market agent

    def _market(self, record: Record, peer: str) -> None:
        match record.kind:
            case "called" if record.round not in self._rows:
                self._market_s = record.quantity
                self._drop_undecided((peer, record.seq), record.round)
                self._rows[record.round] = CallRow(record.round, record.quantity, peer, record.seq, record.price)
            case "reputation" | "registered":
                self._count_of(peer).reputation = record.price
                self.reputations.append((self._market_s, peer, record.price))
            case "closed":
                self.is_closed = True
            case _ if record.round in self._rows:
                self._auction(self._rows[record.round], record, peer)

    def _drop_undecided(self, call: tuple[str, int], auction: int) -> None:
        """A market agent that was started anew holds the auction again in which it was stopped."""
        former = self._rows.get(self._auctions.get(call, 0))
        if former and not (former.winner or former.outcome):
            del self._rows[former.auction]
        self._auctions[call] = auction

    def _auction(self, row: CallRow, record: Record, peer: str) -> None:
        match record.kind:
            case "contracted" if not row.winner:
                row.winner, row.price, row.compound = peer, record.price, record.charge
                self._compare(row)
                self._count_of(peer).won += 1
            case "blocked" if not row.outcome:
                row.outcome = "blocked"
                self._compare(row)
            case "served" | "decommitted" if not row.outcome:
                self._ended(row, self._count_of(peer), record.kind)

    def _count_of(self, operator: str) -> OperatorCount:
        return self.operators.setdefault(operator, OperatorCount())

    def _compare(self, row: CallRow) -> None:
        """Who should have won: the least w·c + (1 - w)·r among the offers (dmp.md: the efficient winner)."""
        costs, w = self._costs.pop(row.auction, {}), row.price_weight
        values = {one: w * cost + (1.0 - w) * self.operators[one].reputation for one, cost in sorted(costs.items())}
        row.offers = len(values)
        if values:
            row.best = min(values, key=lambda one: (values[one], one != row.winner))
            row.best_value = values[row.best]
        if row.winner in values:
            row.value, row.cost = values[row.winner], costs[row.winner]

    def _ended(self, row: CallRow, operator: OperatorCount, kind: str) -> None:
        row.outcome = _OUTCOMES[kind]
        if kind == "served":
            operator.served += 1
            # A killed process may have taken with it what it had not yet told.
            operator.revenue += 0.0 if math.isnan(row.price) else row.price
            operator.cost += 0.0 if math.isnan(row.cost) else row.cost
        else:
            operator.decommitted += 1

    # The others

    def _operator(self, node: str, record: Record) -> None:
        if record.kind == "offered":
            self._costs[record.round][node] = record.charge
        elif record.kind == "resumed":
            self._resumed.add(node)
        elif record.kind == "committed" and not (node in self._resumed and node in self._committed[record.round]):
            self._committed[record.round].append(node)

    def _terminal(self, node: str, record: Record) -> None:
        terminal, call = self.terminals[node], (node, record.seq)
        if record.kind == "resumed":
            self._resumed.add(node)
        elif node in self._resumed and (record.kind in self._outcomes.get(call, ())):
            return  # said again
        elif record.kind == "requested" and call not in self._requested:
            terminal.requested += 1
            self._requested.add((node, record.seq))
        elif record.kind in _OUTCOMES:
            self._outcomes[node, record.seq].append(record.kind)
            setattr(terminal, record.kind, getattr(terminal, record.kind) + 1)
            terminal.paid += record.price if record.kind == "served" else 0.0

    # All together

    @property
    def calls(self) -> list[CallRow]:
        """One row per auction, in their order."""
        return list(self._rows.values())

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
