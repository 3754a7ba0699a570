"""What a live page shows of a Digital Marketplace, in words (docs/live.md)."""

from collections.abc import Sequence

from scenarios.markets.chronicle import COMINGS, Event
from scenarios.markets.panels import Course, Graph, Kind, Line, Named, Table

FIGURES = (
    Named(key="done", label="calls done", kind="text", help="Calls of which their terminals know the outcome."),
    Named(key="open", label="in progress", kind="count", help="Calls that an operator carries now."),
    Named(key="served", label="served", kind="count", help="Calls that were carried to their end."),
    Named(key="blocked", label="blocked", kind="count", help="Calls that no operator won."),
    Named(key="decommitted", label="broken off", kind="count", help="Calls that their operator broke off."),
    Named(key="rate", label="calls per second", help="Auctioned, in seconds of the run."),
    Named(key="paid", label="paid", unit="money", help="By all terminals, for calls that were served."),
)

SHOWN_ALONE = 7
"""So many operators have a line each; of more there are the lowest, the median and the highest."""


def course(
    key: str, title: str, operators: Sequence[str], *, unit: str = "", share: bool = False, help_: str
) -> Course:
    """Figures of operators over time: a line each, or a band of them all."""
    if len(operators) <= SHOWN_ALONE:
        lines = [Line(key=name, label=name) for name in operators]
    else:
        lines = [
            Line(key="low", label="lowest", until="high"),
            Line(key="high", label="highest"),
            Line(key="median", label="median"),
        ]
    kind: Kind = "share" if share else "number"
    return Course(key=key, title=title, unit=unit, kind=kind, lines=lines, each="operator", help=help_)


OUTCOMES = Course(
    key="outcomes",
    title="Blocked and broken calls",
    kind="count",
    lines=[Line(key="blocked", label="blocked"), Line(key="decommitted", label="broken off")],
    help="So far: calls that nobody won, and calls that their operator broke off.",
)
GRAPH = Graph(
    key="market",
    title="The market",
    left="terminals",
    right="operators",
    width="calls won so far, of which the coloured part of a bar has been served",
    colour="price: of an operator that of its last call won, of a terminal what it paid for one on average",
    clusters="nodes by their place in the market",
    help="Whose calls are carried by whom. A node that has just moved flashes.",
)
NODES = Table(
    key="nodes",
    title="Nodes",
    columns=[
        Named(key="name", label="node", kind="text"),
        Named(key="role", label="role", kind="text"),
        Named(key="open", label="in progress", kind="count", help="Calls carried now."),
        Named(key="won", label="calls", kind="count", help="Of an operator those won, of a terminal those asked for."),
        Named(key="served", label="served", kind="count"),
        Named(key="decommitted", label="broken off", kind="count"),
        Named(key="blocked", label="blocked", kind="count"),
        Named(key="price", label="last price", unit="money"),
        Named(
            key="money",
            label="money",
            help="Of an operator what it earned, of a terminal what it paid.",
        ),
        Named(key="reputation", label="reputation", help="Lower is better: the share of contracts it broke of late."),
    ],
    help="Every node now. Choose one to follow it.",
)
EVENTS = (
    Event(key="requested", label="request", text="asks {provider} for call {call}", is_shown=False),
    Event(key="called", label="auction", text="holds auction {auction} for {customer}", is_shown=False),
    Event(key="offered", label="offer", text="offers auction {auction} at {price_money}", is_shown=False),
    Event(key="passed", label="passed", text="has no room for auction {auction}", is_shown=False),
    Event(key="contracted", label="contract", text="gives auction {auction} to {network} for {price_money}"),
    Event(key="served", label="served", text="has it that {network} served auction {auction}", is_shown=False),
    Event(key="decommitted", label="broken off", text="has it that {network} broke off auction {auction}"),
    Event(key="blocked", label="blocked", text="found nobody for auction {auction} of {customer}"),
    Event(key="reputation", label="reputation", text="gives {network} the reputation {reputation}", is_shown=False),
    Event(key="registered", label="registered", text="admits {network}"),
    Event(key="put-out", label="put out", text="counts {network} out"),
    Event(key="closed", label="closed", text="closes the market after {auctions} auctions"),
    *COMINGS,
)
