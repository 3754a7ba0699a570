"""Lines about a run of any market for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from node.trace.breach import Breach
from scenarios.chaos.expectations import Expectation, FaultRow
from scenarios.layout import print_table
from scenarios.results.outcome import Status, Summary
from scenarios.words import counted

ROWS = 40
"""Rows shown; the files hold the rest."""

MOST_HOSTS = 5
"""Hosts of a fault, or of records that did not count, shown."""


def verdict(status: Status) -> str:
    """How a run ended, in colour."""
    return {
        "settled": "[green]settled[/]",
        "timeout": "[yellow]not settled before the timeout[/]",
        "interrupted": "[yellow]interrupted[/]",
    }.get(status, "[red]broke down[/]")


def fault_lines(faults: Sequence[FaultRow], expectations: Sequence[Expectation]) -> list[str]:
    """A line for each fault that happened, and for each expectation of the scenario whether it held."""
    lines = ["faults:"] if faults else []
    for row in faults[:ROWS]:
        until = "" if row.until_s is None else f" to {row.until_s:.2f} s"
        hosts = ", ".join(row.hosts[:MOST_HOSTS]) + (" …" if len(row.hosts) > MOST_HOSTS else "")
        lines.append(f"  {row.kind} at {row.at_s:.2f} s{until}{': ' if hosts else ''}{hosts}")
    if len(faults) > ROWS:
        lines.append(f"  … {len(faults) - ROWS} more in events.parquet")
    for one in expectations:
        figure = "" if one.figure is None else f" ({one.figure:.4g})"
        lines.append(f"expected {one.expectation}: {'[green]held[/]' if one.held else '[red]broken[/]'}{figure}")
    return lines


def hostile_lines(summary: Summary) -> list[str]:
    """Lines that name the hosts that said what no correct host says, or too much; none if there are none."""
    said = (
        ("records that did not count, since no such node may tell them: of", summary.dropped_records),
        ("messages that no correct node sends: from", summary.rejected_from),
        ("messages that were not read, since their sender exceeded the limits: from", summary.throttled),
    )
    return [f"[yellow]{what} {_most(counts)}[/]" for what, counts in said if counts]


def _most(counts: Mapping[str, int]) -> str:
    """The hosts with the highest counts first."""
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return some([f"{host} ({count:,})" for host, count in most], MOST_HOSTS)


def some(words: Sequence[str], most: int, last: str = " and ") -> str:
    """The first of them, and how many more there are; ``last`` stands before that."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f"{last}{more} more" if more > 0 else "")


def bar(share: float, width: int = 20) -> str:
    """A share as a bar of characters."""
    full = round(width * min(1.0, max(0.0, share)))
    return "█" * full + "·" * (width - full)


def print_rules(rules: Mapping[Any, str], breaches: Sequence[Breach], console: Console) -> None:
    """Print which rules hold of a ledger, and every breach."""
    for rule, text in rules.items():
        broken = sum(one.rule == rule for one in breaches)
        console.print(
            f"  {text}: " + (f"[red]broken {counted(broken, 'time')}[/]" if broken else "[green]holds[/]"),
            soft_wrap=True,
        )
    print_rows("breaches", ("rule", "node", "what"), breaches, console)


def print_rows(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], console: Console) -> None:
    """Print rows of text under a title; nothing if there are none."""
    if rows:
        console.print(f"{title}:")
        print_table(console, columns, rows)
