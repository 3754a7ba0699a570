"""``bidswarm ledger``: whether everybody's journals agree on who bought what."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from node.runtime.journal import JournalError, read_journal
from node.runtime.ledger import RULES, Ledger, total
from scenarios.terminal import BROKEN, SETTLED, Format, write_json


def ledger(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="RUN_DIR|JOURNAL...", help="Folders of runs, and journals of single devices."),
    ],
    format_: Annotated[Format, typer.Option("--format", help="json: one JSON object on stdout.")] = Format.text,
) -> None:
    """Check that the journals of a market agree: every MB and all money accounted for.

    What is known from one side only is in doubt: listed, and no breach.

    Exit codes: 0 they agree; 1 a rule is broken; 2 no journal, or an unreadable one.
    """
    journals = journals_of(paths)
    audited = Ledger(entry for path in journals for entry in read_journal(path))
    if format_ is Format.json:
        write_json(_as_json(audited, len(journals)))
    else:
        _print(audited, len(journals), Console())
    raise typer.Exit(BROKEN if audited.breaches else SETTLED)


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


def _as_json(audited: Ledger, journals: int) -> dict[str, Any]:
    sold, bought = total(audited.sales.values()), total(audited.purchases.values())
    return {
        "journals": journals,
        "nodes": len(audited.nodes),
        "auctions": audited.auctions,
        "sales": len(audited.sales),
        "sold_mb": sold.quantity,
        "received_money": sold.charge,
        "purchases": len(audited.purchases),
        "bought_mb": bought.quantity,
        "paid_money": bought.charge,
        "breaches": [{"rule": one.rule, "node": one.node, "text": one.text} for one in audited.breaches],
        "in_doubt": [{**one.sale._asdict(), **one.amounts._asdict(), "why": one.why} for one in audited.doubts],
    }


def _print(audited: Ledger, journals: int, console: Console) -> None:
    sold, bought = total(audited.sales.values()), total(audited.purchases.values())
    console.print(
        f"{journals} journal{'s' * (journals != 1)} of {len(audited.nodes)} nodes, {audited.auctions} auctions"
    )
    console.print(f"sellers gave {len(audited.sales)} receipts: {sold.quantity:.6g} MB for {sold.charge:.6g}")
    console.print(f"buyers hold {len(audited.purchases)} receipts: {bought.quantity:.6g} MB for {bought.charge:.6g}")
    for rule, text in RULES.items():
        broken = sum(one.rule == rule for one in audited.breaches)
        console.print(f"  {text}: " + (f"[red]broken {broken} times[/]" if broken else "[green]holds[/]"))
    if audited.breaches:
        console.print(
            _table("breaches", ("rule", "node", "what"), [(x.rule, x.node, x.text) for x in audited.breaches])
        )
    if audited.doubts:
        rows = [
            (one.sale.seller, one.sale.buyer, f"{one.amounts.quantity:.6g}", f"{one.amounts.charge:.6g}", one.why)
            for one in audited.doubts
        ]
        console.print(_table("in doubt", ("seller", "buyer", "MB", "money", "why"), rows))


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(*columns, title=title, title_justify="left", box=None, padding=(0, 3, 0, 0))
    for row in rows:
        table.add_row(*map(escape, row))
    return table
