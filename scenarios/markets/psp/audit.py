"""What ``bidswarm ledger`` says of an exchange."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from node.protocol.journal import JournalEntry
from node.trace.breach import Breach
from node.trace.psp.ledger import RULES, Ledger, total
from scenarios.results.lines import print_rows, print_rules
from scenarios.words import counted


class ExchangeAudit:
    """Whether the journals of an exchange agree."""

    def __init__(self, entries: Iterable[JournalEntry]) -> None:
        self._ledger = Ledger(entries)

    @property
    def nodes(self) -> int:
        """How many sellers and buyers there are journals of."""
        return len(self._ledger.nodes)

    @property
    def breaches(self) -> list[Breach]:
        """Every rule that does not hold."""
        return self._ledger.breaches

    def document(self) -> dict[str, Any]:
        """Auctions, receipts of both sides, and what is in doubt."""
        audited = self._ledger
        sold, bought = total(audited.sales.values()), total(audited.purchases.values())
        return {
            "auctions": audited.auctions,
            "sales": len(audited.sales),
            "sold_mb": sold.quantity,
            "received_money": sold.charge,
            "purchases": len(audited.purchases),
            "bought_mb": bought.quantity,
            "paid_money": bought.charge,
            "in_doubt": [{**one.sale._asdict(), **one.amounts._asdict(), "why": one.why} for one in audited.doubts],
        }

    def print(self, console: Console) -> None:
        """Print auctions, receipts, rules and doubts."""
        audited = self._ledger
        sold, bought = total(audited.sales.values()), total(audited.purchases.values())
        console.print(f"auctions: {audited.auctions}")
        console.print(
            f"sellers gave {counted(len(audited.sales), 'receipt')}: {sold.quantity:.6g} MB for {sold.charge:.6g}"
        )
        held = counted(len(audited.purchases), "receipt")
        console.print(f"buyers hold {held}: {bought.quantity:.6g} MB for {bought.charge:.6g}")
        print_rules(RULES, audited.breaches, console)
        rows = [
            (one.sale.seller, one.sale.buyer, f"{one.amounts.quantity:.6g}", f"{one.amounts.charge:.6g}", one.why)
            for one in audited.doubts
        ]
        print_rows("in doubt", ("seller", "buyer", "MB", "money", "why"), rows, console)
