"""What ``bidswarm ledger`` says of a Digital Marketplace."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from node.protocol.journal import JournalEntry
from node.trace.breach import Breach
from node.trace.dmp.ledger import CALL_RULES, CallLedger
from scenarios.results.lines import print_rows, print_rules
from scenarios.words import counted


class CallAudit:
    """Whether the journals of a Digital Marketplace agree."""

    def __init__(self, entries: Iterable[JournalEntry]) -> None:
        self._ledger = CallLedger(entries)

    @property
    def nodes(self) -> int:
        """How many of its nodes there are journals of."""
        return len(self._ledger.books.nodes)

    @property
    def breaches(self) -> list[Breach]:
        """Every rule that does not hold."""
        return self._ledger.breaches

    def document(self) -> dict[str, Any]:
        """Calls, money of both sides, and what is in doubt."""
        audited = self._ledger
        return {
            "calls": len(audited.books.auctioned),
            "served": audited.count("served"),
            "earned_money": audited.earned,
            "paid_money": audited.paid,
            "in_doubt": [one._asdict() for one in audited.doubts],
        }

    def print(self, console: Console) -> None:
        """Print calls, money, rules and doubts."""
        audited = self._ledger
        kinds = ", ".join(f"{audited.count(kind)} {kind}" for kind in ("served", "decommitted", "blocked"))
        console.print(f"{counted(len(audited.books.auctioned), 'call')} auctioned: {kinds}")
        console.print(f"networks earn {audited.earned:.6g}, customers pay them {audited.paid:.6g}")
        print_rules(CALL_RULES, audited.breaches, console)
        rows = [(one.customer, str(one.call), one.network, f"{one.price:.6g}", one.why) for one in audited.doubts]
        print_rows("in doubt", ("customer", "call", "network", "price", "why"), rows, console)
