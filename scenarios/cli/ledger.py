"""``bidswarm ledger``: whether everybody's journals agree on who bought what, and who carried whose calls."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from node.protocol.journal import JournalEntry
from node.runtime.journal import JournalError
from scenarios.console import BROKEN, SETTLED, Format, Screen, write_json
from scenarios.words import counted


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
    from scenarios.markets.registry import kind_named, kind_of_journal, read_journal  # noqa: PLC0415 - it loads numpy

    journals = journals_of(paths)
    lines: defaultdict[str, list[JournalEntry]] = defaultdict(list)
    for path in journals:
        lines[kind_of_journal(path).name] += read_journal(path)
    audits = {name: kind_named(name).audit(lines[name]) for name in sorted(lines)}
    found = {name: audit for name, audit in audits.items() if audit.nodes}
    breaches = [one for audit in found.values() for one in audit.breaches]
    nodes = len({line.node for written in lines.values() for line in written})
    if format_ is Format.json:
        documents = {name: audit.document() for name, audit in found.items()}
        write_json(
            {"journals": len(journals), "nodes": nodes, "breaches": [one._asdict() for one in breaches], **documents}
        )
    else:
        console = Screen()
        console.print(f"{counted(len(journals), 'journal')} of {counted(nodes, 'node')}")
        for audit in found.values():
            audit.print(console)
        if not found:
            console.print("nothing has been agreed on")
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
