"""The result of a run of the Digital Marketplace as tables for the terminal."""

from typing import TYPE_CHECKING

from rich.console import Console

from scenarios.layout import print_table
from scenarios.results.lines import ROWS, fault_lines, hostile_lines, verdict
from scenarios.words import counted

if TYPE_CHECKING:
    from scenarios.markets.dmp.results import CallResult, CallSummary

MOST_BREACHES = 5
"""Breaches shown; the files hold the rest."""


def print_calls(result: "CallResult", console: Console) -> None:
    """Print what each operator got, and the figures of the whole market."""
    summary = result.summary
    _print_operators(result, console)
    console.print()
    lines = [
        f"{verdict(summary.status)} after {summary.duration_s:.2f} s: {_carriage(summary)}",
        _outcomes(summary),
        _efficiency(summary),
    ]
    lines += fault_lines(summary.faults, summary.expectations)
    lines += hostile_lines(summary)
    if summary.breaches:
        shown = "; ".join(summary.breaches[:MOST_BREACHES])
        lines.append(f"[red]the books do not agree in {counted(len(summary.breaches), 'place')}:[/] {shown}")
    elif summary.status == "settled":
        lines.append("the books of terminals, networks and market agent agree: no call lost, none served twice")
    lines.append(result.where)
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _carriage(summary: "CallSummary") -> str:
    return (
        f"{counted(summary.calls, 'call')} in {summary.market_s:,.0f} s of the market, "
        f"{summary.calls_per_s:,.0f} calls/s, {summary.carried}"
    )


def _outcomes(summary: "CallSummary") -> str:
    return (
        f"{summary.served:,} served, {summary.decommitted:,} decommitted, {summary.blocked:,} blocked; "
        f"{summary.paid:,.2f} paid, {summary.mean_price:.4f} per call"
    )


def _efficiency(summary: "CallSummary") -> str:
    return (
        f"{summary.efficient:.2%} of the contracts went to the operator with the least w·cost + (1 - w)·reputation; "
        f"on average over all, {summary.excess:.4g} more than that least"
    )


def _print_operators(result: "CallResult", console: Console) -> None:
    heads = ("operator", "won", "share", "served", "broken", "revenue", "mean price", "profit", "r")
    found = result.summary.operators
    rows = [
        (
            row.operator,
            f"{row.won:,}",
            f"{row.share:.1%}",
            f"{row.served:,}",
            f"{row.decommitted:,} ({row.decommitment_rate:.0%})",
            f"{row.revenue:,.2f}",
            f"{row.mean_price:.4f}",
            f"{row.profit:,.2f}",
            f"{row.reputation:.2f}",
        )
        for row in found[:ROWS]
    ]
    print_table(console, heads, rows, len(found) - ROWS, "operators.parquet")
