"""The result of a run as tables for the terminal."""

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from scenarios.layout import print_table
from scenarios.markets.psp.figures import FIELDS, words
from scenarios.markets.psp.ladder import ladder_lines, nowhere_cheaper
from scenarios.markets.psp.spread import sentence
from scenarios.results.lines import ROWS, fault_lines, hostile_lines, some, verdict
from scenarios.words import counted

if TYPE_CHECKING:
    from scenarios.markets.psp.results import Result, Summary


MOST_ACCUSERS = 3
"""Buyers shown that say that a seller is exposed."""

MOST_STRUCK_OUT = 10
"""Buyers shown that were struck out: one host may have made up a thousand."""

MOST_DISPUTES = 5
"""Sales in dispute shown."""


def print_result(result: "Result", console: Console) -> None:
    """Print who bought what, what every auction sold, and the figures of the whole market."""
    summary = result.summary
    _print_allocations(result, console)
    console.print()
    _print_auctions(result, console)
    console.print()
    console.print(
        f"{verdict(summary.status)} after {summary.duration_s:.2f} s: {counted(summary.bids, 'bid')}, "
        f"{summary.carried}, mechanism {summary.mechanism}",
        highlight=False,
        soft_wrap=True,
    )
    rest, cycling = result.quiescence, result.oscillations
    cycled = f"{counted(len(cycling), 'buyer')} cycled among sellers, such as {cycling[0].buyer}" if cycling else ""
    restless = f"; [yellow]{cycled}[/]" if cycling else ""
    said = counted(rest.messages, "bid or profile", "bids and profiles")
    messages = f" and {said}" if summary.messages else ""
    console.print(
        f"last move after {rest.time_s:.2f} s{messages}; "
        f"moves per buyer: median {rest.median_moves:g}, most {rest.most_moves}{restless}",
        highlight=False,
        soft_wrap=True,
    )
    lines = [*_exposed(summary), *_disputes(summary), *fault_lines(summary.faults, summary.expectations)]
    for line in [*lines, *_struck_out(summary), *hostile_lines(summary)]:
        console.print(line, highlight=False, soft_wrap=True)
    for report in result.shifts:
        console.print(sentence(report, result.market), highlight=False, soft_wrap=True)
    for line in (*_efficiency(summary), *_promises(summary), *nowhere_cheaper(result.ladder)):
        console.print(line, highlight=False, soft_wrap=True)
    for line in summary.advice:
        console.print(Text.assemble(("advice: ", "yellow"), line), soft_wrap=True)
    console.print(result.where, highlight=False, soft_wrap=True)


def _exposed(summary: "Summary") -> list[str]:
    """Who is said not to do as it should, what of it, and by whom: it is their word."""
    if not summary.exposed_sellers:
        return []
    accused = (
        f"{seller} ({', '.join(summary.exposed_sellers[seller])}, by {some(buyers, MOST_ACCUSERS)})"
        for seller, buyers in summary.exposed_by.items()
    )
    return [f"[red]exposed sellers, and what for: {', '.join(accused)}[/]"]


def _disputes(summary: "Summary") -> list[str]:
    """What each side tells of the sales in dispute."""
    found = summary.disputed_sales
    if not found:
        return []
    shown = "; ".join(
        f"{one.seller} {_told('sold', one.sold, one.received)}, {one.buyer} {_told('bought', one.bought, one.paid)}"
        for one in found[:MOST_DISPUTES]
    )
    more = f" and {len(found) - MOST_DISPUTES} more in summary.json" if len(found) > MOST_DISPUTES else ""
    return [f"[red]sales in dispute: {len(found)}:[/] {shown}{more}"]


def _struck_out(summary: "Summary") -> list[str]:
    """Which buyers kept auctions waiting, and how."""
    if not summary.struck_out:
        return []
    struck = [f"{buyer} ({', '.join(causes)})" for buyer, causes in summary.struck_out.items()]
    buyers = some(struck, MOST_STRUCK_OUT)
    return [f"[yellow]struck out of auctions that they kept waiting: {buyers}[/]"]


def _told(did: str, quantity: float | None, charge: float | None) -> str:
    return f"{did} nothing" if quantity is None else f"{did} {quantity:.6g} MB for {charge:.6g}"


def _efficiency(summary: "Summary") -> list[str]:
    """What is reached of the measure that efficiency is of, what is lost, and the other measures where they differ."""
    tentative = "" if summary.status == "settled" else "tentative "
    at_least = "" if summary.optimum_is == "exact" else "at least "
    amounts = {
        name: "{:,.4f} of at most {:,.4f}".format(*(getattr(summary, field) for field in FIELDS[name]))
        for name in summary.efficiencies
    }
    first = amounts[summary.efficiency_of]
    if summary.most_gains <= 0.0:
        has_supply = summary.supply > 0.0
        because = "no buyer values what a seller has above its reserve price" if has_supply else "no seller has any MB"
        return [f"nothing could be gained: {because}"]
    others = [
        f"{words(name)} {amount} ({at_least}{summary.efficiencies[name]:.4%})"
        for name, amount in amounts.items()
        if amount != first
    ]
    return [
        f"{tentative}efficiency {at_least}{summary.efficiency:.4%}: {words(summary.efficiency_of)} {first}",
        f"lost of that: {'at most ' if at_least else ''}{summary.efficiency_loss:.4g}{_loss_bound(summary)}",
        *([f"beside it: {'; '.join(others)}"] if others else []),
    ]


def _loss_bound(summary: "Summary") -> str:
    bound = summary.efficiency_loss_bound
    return "" if bound is None else f"; at most {bound:,.4g} by Prop. 3 of Lazar & Semret"


def theory_lines(result: "Result") -> list[str]:
    """What the papers say of such a market, and whether it holds: for who asks."""
    because = result.summary.no_bound_because
    no_bound = [] if because is None else [f"no bound of the loss by Prop. 3 of Lazar & Semret, since {because}"]
    return [*no_bound, *(ladder_lines(result.ladder) if result.ladder else ())]


def _promises(summary: "Summary") -> list[str]:
    """What is sold, that nobody pays too much for it, and what buyers could still gain."""
    gap, lying = summary.epsilon_gap, summary.truthfulness_gap
    in_epsilons = "" if summary.gap_in_epsilons is None else f" (at most {summary.gap_in_epsilons:.2f} of a buyer's ε)"
    return [
        f"sold {summary.sold:,.2f} of {summary.supply:,.2f} MB for {summary.revenue:,.2f}; {_rationality(summary)}",
        f"most that a buyer could still gain: {gap:.4g}{in_epsilons}",
        f"most that a buyer gains by misreporting, over its best truthful bids: {lying:.4g}",
    ]


def _rationality(summary: "Summary") -> str:
    broken = []
    if summary.buyers_at_a_loss:
        pay = counted(summary.buyers_at_a_loss, "pays", "pay")
        broken += [f"{pay} up to {summary.largest_loss:.4g} more than it is worth to them"]
    if summary.buyers_over_budget:
        pay = counted(summary.buyers_over_budget, "pays", "pay")
        broken += [f"{pay} up to {summary.largest_excess:.4g} more than their budget"]
    if broken:
        return f"[red]of the buyers {' and '.join(broken)}[/]"
    return "no buyer pays more than what it has is worth to it, or than its budget"


def _print_allocations(result: "Result", console: Console) -> None:
    found = result.summary.allocations
    rows = [
        (row.buyer, row.seller, *(f"{number:.4f}" for number in (row.quantity, row.charge, row.charge / row.quantity)))
        for row in found[:ROWS]
    ]
    heads = ("buyer", "seller", "MB", "charge", "per MB")
    print_table(console, heads, rows, len(found) - ROWS, "allocations.parquet", names=2)


def _print_auctions(result: "Result", console: Console) -> None:
    columns = result.columns("auctions")
    shown = [columns[key] for key in ("seller", "state", "supply_mb", "sold_mb", "revenue", "price_per_mb")]
    rows = [
        (name, state, *("none" if math.isnan(number) else f"{number:.4f}" for number in numbers))
        for name, state, *numbers in list(zip(*shown, strict=True))[:ROWS]
    ]
    heads = ("seller", "state", "supply", "sold", "revenue", "entry price")
    print_table(console, heads, rows, len(columns["seller"]) - ROWS, "auctions.parquet", names=2)
