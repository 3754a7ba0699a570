"""Lines of a journal that describe a call (docs/ledger.md)."""

from typing import Literal, cast

from node.protocol.dmp.messages import CallSpec, ContractKind
from node.protocol.machine import JournalEntry, Persist


def line_of(
    kind: Literal["called", "committed", "brokered"],
    peer: str,
    wanted: CallSpec,
    *,
    auction: int = 0,
    number: int = 0,
    call: int = 0,
    money: float = 0.0,
) -> Persist:
    """A line about the call ``wanted``; ``money`` is a price or fee, of ``called`` the price weight."""
    return Persist(
        kind,
        peer,
        auction,
        number,
        call,
        wanted.rate_kbps,
        money,
        wanted.at_s,
        wanted.holding_s,
        f"{wanted.kind}/{wanted.service}",
    )


def spec_of(entry: JournalEntry) -> CallSpec:
    """The call that the line is about."""
    kind, _, service = entry.about.partition("/")
    return CallSpec(entry.at_s, service, cast("ContractKind", kind), entry.quantity, entry.holding_s)
