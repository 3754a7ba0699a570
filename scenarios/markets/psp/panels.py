"""What a live page shows of an exchange, in words (docs/live.md)."""

import numpy as np

from scenarios.markets.chronicle import COMINGS, Event
from scenarios.markets.panels import Course, Graph, Line, Named, Table

LEAST = float(np.float32(1e-6))
"""Gaps to the optimum and of buyers that are less are drawn as that."""

FIGURES = (
    Named(key="share_sold", label="sold", kind="share", help="Of all that sellers have for sale, MB."),
    Named(key="price", label="median price", unit="per MB", help="Half of the auctions ask a newcomer for less."),
    Named(key="bids", label="bids", kind="count", help="Placed, replaced or taken back."),
    Named(
        key="bids_and_profiles",
        label="bids and profiles",
        kind="count",
        help="Bids, and the profiles that sellers answer with.",
    ),
    Named(key="closed", label="auctions closed", kind="text", help="Of all auctions."),
    Named(key="revenue", label="revenue", unit="money", help="What is paid, or would be as bids stand."),
)
MEASURED = (
    Named(key="efficiency", label="of the optimum", kind="share", help="What is reached of the most that could be."),
    Named(key="welfare", label="welfare", unit="money", help="What the data are worth to those who have them."),
)
"""Where valuations are known."""

GAP = Named(
    key="epsilon_gap",
    label="largest ε-gap",
    unit="money",
    help="By how much a buyer could still gain if it alone bid otherwise.",
)

PRICES = Course(
    key="price",
    title="Market price",
    unit="per MB",
    lines=[
        Line(key="low", label="lowest", until="high"),
        Line(key="high", label="highest"),
        Line(key="lower", label="lower tenth", until="upper"),
        Line(key="upper", label="upper tenth"),
        Line(key="median", label="median"),
    ],
    each="seller",
    help="What a newcomer must beat in each auction: the median, the middle 80 %, and all of them.",
)
SOLD = Course(
    key="sold",
    title="Sold",
    kind="share",
    lines=[Line(key="share", label="share of the supply")],
    each="seller",
    help="What is allocated or settled, of what there is for sale at that time.",
)
MISSING = Course(
    key="missing",
    title="Gap to the optimum",
    kind="share",
    scale="log",
    least=LEAST,
    lines=[Line(key="missing", label="short of the optimum")],
    help="What is missing of the most that could be reached, on a logarithmic scale.",
)
GAPS = Course(
    key="gap",
    title="Largest ε-gap",
    unit="money",
    scale="log",
    least=LEAST,
    lines=[Line(key="gap", label="most that a buyer could gain")],
    help="By how much the utility of any buyer would rise if it alone bid otherwise: 0 is a Nash equilibrium.",
)
RATES = Course(
    key="rate",
    title="Bids and profiles",
    unit="per second",
    lines=[Line(key="bids", label="bids"), Line(key="bids_and_profiles", label="bids and profiles")],
    help="Of all nodes together, in seconds of the market. Sellers answer bids with profiles.",
)
GRAPH = Graph(
    key="market",
    title="The market",
    left="buyers",
    right="sellers",
    width="MB that the buyer gets, or would as bids stand",
    colour="price per MB: of a seller what a newcomer must beat, of a buyer what it last bid",
    clusters="buyers by the price at which they would buy nothing, sellers by their place in the market",
    help="Who buys from whom. A node that has just moved flashes.",
)
NODES = Table(
    key="nodes",
    title="Nodes",
    columns=[
        Named(key="name", label="node", kind="text"),
        Named(key="role", label="role", kind="text"),
        Named(key="state", label="state", kind="text"),
        Named(key="bid_mb", label="bids for", unit="MB", help="Of a seller what all bids are for."),
        Named(key="bid_price", label="at", unit="per MB", help="Of a seller what a newcomer must beat."),
        Named(key="gets", label="gets", unit="MB", help="Bought or tentative; of a seller what it has sold."),
        Named(key="pays", label="pays", unit="money", help="Paid or tentative; of a seller what it earns."),
        Named(key="utility", label="utility", unit="money", help="What that is worth to it, less what it pays."),
        Named(key="moves", label="moves", kind="count", help="Bids and withdrawals; of a seller clearings."),
    ],
    help="Every node now. Choose one to follow it.",
)

EVENTS = (
    Event(key="bid", label="bid", text="bids for {quantity_mb} MB at {price_per_mb} per MB with {seller}"),
    Event(key="withdraw", label="withdrawal", text="takes back its bid with {seller}", is_shown=False),
    Event(
        key="cleared", label="clearing", text="clears: {sold_mb} MB sold, price {price_per_mb} per MB", is_shown=False
    ),
    Event(key="awarding", label="awarding", text="asks its winners"),
    Event(key="settled", label="sale", text="sells {quantity_mb} MB to {buyer} for {charge_money}"),
    Event(key="bought", label="receipt", text="has the receipt for {quantity_mb} MB of {seller}", is_shown=False),
    Event(key="declined", label="declined", text="is turned down by {buyer}, which was to get {quantity_mb} MB"),
    Event(key="voided", label="struck out", text="strikes out the bid of {buyer}: {cause}"),
    Event(key="reopened", label="reopened", text="opens again: {left_mb} MB came free"),
    Event(key="closed", label="closed", text="closes: {sold_mb} MB sold for {revenue_money}"),
    Event(key="in-doubt", label="in doubt", text="has no receipt of {seller} for {quantity_mb} MB"),
    Event(key="cleared-up", label="cleared up", text="knows what became of {quantity_mb} MB of {seller}"),
    Event(key="exposed", label="exposed", text="exposes {seller}: {lie}"),
    Event(key="supply", label="supply", text="now has {supply_mb} MB to sell", is_marked=True),
    Event(
        key="valuation", label="valuation", text="values every MB {factor} times as much as at first", is_marked=True
    ),
    *COMINGS,
)
