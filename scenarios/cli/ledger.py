"""``bidswarm ledger``: whether everybody's journals agree on who bought what, and who carried whose calls."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from node.runtime.journal import JournalError, read_journal
from node.trace.breach import Breach
from node.trace.dmp.ledger import CALL_RULES, CallLedger
from node.trace.psp.ledger import RULES, Ledger, total
from scenarios.console import BROKEN, SETTLED, Format, write_json


def ledger(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="RUN_DIR|JOURNAL...", help="Folders of runs, and journals of single devices."),
    ],
    format_: Annotated[Format, typer.Option("--format", help="json: one JSON object on stdout.")] = Format.text,
) -> None:
    """Check that the journals of a market agree: every MB, every call and all money accounted for.

    What is known from one side only is in doubt: listed, and no breach.

    Exit codes: 0 they agree; 1 a rule is broken; 2 no journal, or an unreadable one.
    """
    journals = journals_of(paths)
    entries = [entry for path in journals for entry in read_journal(path)]
    exchange, calls = Ledger(entries), CallLedger(entries)
    breaches = [*exchange.breaches, *calls.breaches]
    if format_ is Format.json:
        write_json(_as_json(exchange, calls, len(journals)))
    else:
        console = Console()
        console.print(f"{len(journals)} journal{'s' * (len(journals) != 1)} of {len(exchange.nodes)} nodes")
        if exchange.auctions or not calls.books.nodes:
            _print_exchange(exchange, console)
        if calls.books.nodes:
            _print_calls(calls, console)
    raise typer.Exit(BROKEN if breaches else SETTLED)


def journals_of(paths: list[Path]) -> list[Path]:
    """The journals that the paths mean, each once.

    Raises
    ------
    JournalError
        If a path means none.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("journals/*.sqlite")) + sorted(path.glob("*.sqlite")) if path.is_dir() else [path]
        if not inside:
            raise JournalError(f"{path}: no journals in this folder; give the folder of a run, or *.sqlite files")
        found += inside
    return list(dict.fromkeys(path.resolve() for path in found))


def _as_json(exchange: Ledger, calls: CallLedger, journals: int) -> dict[str, Any]:
    sold, bought = total(exchange.sales.values()), total(exchange.purchases.values())
    return {
        "journals": journals,
        "nodes": len(exchange.nodes),
        "auctions": exchange.auctions,
        "sales": len(exchange.sales),
        "sold_mb": sold.quantity,
        "received_money": sold.charge,
        "purchases": len(exchange.purchases),
        "bought_mb": bought.quantity,
        "paid_money": bought.charge,
        "calls": len(calls.books.auctioned),
        "calls_served": calls.count("served"),
        "calls_earned_money": calls.earned,
        "calls_paid_money": calls.paid,
        "breaches": [one._asdict() for one in (*exchange.breaches, *calls.breaches)],
        "in_doubt": [{**one.sale._asdict(), **one.amounts._asdict(), "why": one.why} for one in exchange.doubts],
        "calls_in_doubt": [one._asdict() for one in calls.doubts],
    }


def _print_exchange(audited: Ledger, console: Console) -> None:
    sold, bought = total(audited.sales.values()), total(audited.purchases.values())
    console.print(f"auctions: {audited.auctions}")
    console.print(f"sellers gave {len(audited.sales)} receipts: {sold.quantity:.6g} MB for {sold.charge:.6g}")
    console.print(f"buyers hold {len(audited.purchases)} receipts: {bought.quantity:.6g} MB for {bought.charge:.6g}")
    _print_rules(RULES, audited.breaches, console)
    rows = [
        (one.sale.seller, one.sale.buyer, f"{one.amounts.quantity:.6g}", f"{one.amounts.charge:.6g}", one.why)
        for one in audited.doubts
    ]
    _print_table("in doubt", ("seller", "buyer", "MB", "money", "why"), rows, console)


def _print_calls(audited: CallLedger, console: Console) -> None:
    kinds = ", ".join(f"{audited.count(kind)} {kind}" for kind in ("served", "decommitted", "blocked"))
    console.print(f"{len(audited.books.auctioned)} calls auctioned: {kinds}")
    console.print(f"networks earn {audited.earned:.6g}, customers pay them {audited.paid:.6g}")
    _print_rules(CALL_RULES, audited.breaches, console)
    rows = [(one.customer, str(one.call), one.network, f"{one.price:.6g}", one.why) for one in audited.doubts]
    _print_table("in doubt", ("customer", "call", "network", "price", "why"), rows, console)


def _print_rules(rules: Mapping[Any, str], breaches: Sequence[Breach], console: Console) -> None:
    for rule, text in rules.items():
        broken = sum(one.rule == rule for one in breaches)
        console.print(
            f"  {text}: " + (f"[red]broken {broken} times[/]" if broken else "[green]holds[/]"), soft_wrap=True
        )
    _print_table("breaches", ("rule", "node", "what"), breaches, console)


def _print_table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], console: Console) -> None:
    if rows:
        table = Table(*columns, title=title, title_justify="left", box=None, padding=(0, 3, 0, 0))
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
