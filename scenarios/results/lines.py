"""Lines about a run of any market for the terminal."""

from collections.abc import Sequence

from scenarios.chaos.expectations import Expectation, FaultRow
from scenarios.results.outcome import Status

ROWS = 40
"""Rows shown; the files hold the rest."""


MOST_HOSTS = 5
"""Hosts of a fault shown."""


def verdict(status: Status) -> str:
    """How a run ended, in colour."""
    return {
        "settled": "[green]settled[/]",
        "timeout": "[yellow]not settled before the timeout[/]",
        "interrupted": "[yellow]interrupted[/]",
    }.get(status, "[red]broke down[/]")


def fault_lines(faults: Sequence[FaultRow], expectations: Sequence[Expectation]) -> list[str]:
    """What went wrong, and what of the scenario's expectations held in spite of it; nothing if nothing did."""
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
