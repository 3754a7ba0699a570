"""The result of a run as tables for the terminal."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from node.mechanism.welfare import efficiency
from scenarios.markets.psp.spread import sentence
from scenarios.results.lines import ROWS, fault_lines, verdict

if TYPE_CHECKING:
    from scenarios.markets.psp.results import Result

WORTH_TELLING = 0.001
"""By how much two shares of an optimum differ if both are told."""


def print_result(result: "Result", console: Console) -> None:
    """Print who bought what, what every auction sold, and the figures of the whole market."""
    summary = result.summary
    console.print(_allocations(result))
    console.print()
    console.print(_auctions(result))
    console.print()
    console.print(
        f"{verdict(summary.status)} after {summary.duration_s:.2f} s: {summary.bids:,} bids, "
        f"{summary.messages:,} messages, {summary.nodes} nodes, {summary.network}, mechanism {summary.mechanism}",
        highlight=False,
        soft_wrap=True,
    )
    rest, cycling = result.quiescence, result.oscillations
    restless = f"; [yellow]{len(cycling)} buyers cycled among sellers, such as {cycling[0].buyer}[/]" if cycling else ""
    console.print(
        f"last move after {rest.time_s:.2f} s and {rest.messages:,} bids and profiles; "
        f"moves per buyer: median {rest.median_moves:g}, most {rest.most_moves}{restless}",
        highlight=False,
        soft_wrap=True,
    )
    if summary.exposed_sellers:
        liars = ", ".join(summary.exposed_sellers)
        console.print(f"[red]exposed sellers, which told different books: {liars}[/]", highlight=False, soft_wrap=True)
    for line in fault_lines(summary.faults, summary.expectations):
        console.print(line, highlight=False, soft_wrap=True)
    for report in result.shifts:
        console.print(sentence(report, result.market), highlight=False, soft_wrap=True)
    if result.ladder and result.ladder.checked:
        holds = result.ladder.checked - result.ladder.violated
        told = f"price ladder (eq. 20, buyers who want more): holds in {holds} of {result.ladder.checked} places"
        console.print(told, highlight=False, soft_wrap=True)
    share = f"{'' if summary.optimum_is == 'exact' else 'at least '}{summary.efficiency:.4%}"
    tentative = "" if summary.status == "settled" else "tentative "
    console.print(
        f"{tentative}welfare {summary.welfare:,.4f} of at most {summary.optimum:,.4f} ({share}); "
        f"sold {summary.sold:,.2f} of {summary.supply:,.2f} MB for {summary.revenue:,.2f}; "
        f"most that a buyer could still gain: {summary.epsilon_gap:.4g}",
        highlight=False,
        soft_wrap=True,
    )
    of_gains = efficiency(summary.gains_from_trade, summary.most_gains)
    if abs(of_gains - summary.efficiency) > WORTH_TELLING:
        told = f"gains from trade {summary.gains_from_trade:,.4f} of at most {summary.most_gains:,.4f} ({of_gains:.4%})"
        console.print(f"{told}: welfare less the reserves of what is sold", highlight=False, soft_wrap=True)
    if summary.truthfulness_gap > 0.0:
        told = f"most that a buyer gains over a truthful reply: {summary.truthfulness_gap:.4g}"
        console.print(told, highlight=False, soft_wrap=True)
    console.print(result.where, highlight=False, soft_wrap=True)


def _allocations(result: "Result") -> Table:
    rows = result.summary.allocations
    table = Table("buyer", "seller", "MB", "charge", "per MB", box=None, padding=(0, 2, 0, 0))
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows[:ROWS]:
        unit = row.charge / row.quantity
        table.add_row(row.buyer, row.seller, f"{row.quantity:.4f}", f"{row.charge:.4f}", f"{unit:.4f}")
    if len(rows) > ROWS:
        table.add_row(f"… {len(rows) - ROWS} more in allocations.parquet")
    return table


def _auctions(result: "Result") -> Table:
    columns = result.columns("auctions")
    table = Table("seller", "state", "supply", "sold", "revenue", "price", box=None, padding=(0, 2, 0, 0))
    for column in table.columns[2:]:
        column.justify = "right"
    shown = [columns[key] for key in ("seller", "state", "supply_mb", "sold_mb", "revenue", "price_per_mb")]
    for name, state, *numbers in list(zip(*shown, strict=True))[:ROWS]:
        table.add_row(name, state, *(f"{number:.4f}" for number in numbers))
    if len(columns["seller"]) > ROWS:
        table.add_row(f"… {len(columns['seller']) - ROWS} more in auctions.parquet")
    return table
