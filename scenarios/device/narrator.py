"""What a node does, told as it happens: lines for people, a status line on a terminal, or JSON."""

import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from rich.console import Console
from rich.status import Status

from node.protocol.journal import Entry, JournalEntry
from node.protocol.psp.journal import Agreement, Sold
from node.protocol.psp.trace import (
    AcceptanceInDoubt,
    AuctionClosed,
    AwardDeclined,
    Awarding,
    BidPlaced,
    BidVoided,
    BidWithdrawn,
    Cleared,
    DoubtClearedUp,
    Reopened,
    SellerExposed,
)
from node.protocol.trace import Record, Trace
from scenarios.console import Screen, log
from scenarios.device.formats import LogFormat


class Teller(Protocol):
    """Prints what a node does."""

    def tell(self, event: str, at_s: float, **fields: Any) -> None:  # noqa: ANN401 - what JSON and format take
        """Print an event and its time, seconds since 1970."""
        ...

    def show(self, status: str) -> None:
        """Update the status line, if the output has one."""
        ...

    def close(self) -> None:
        """End the output."""
        ...


class JsonTeller:
    """One JSON object per line."""

    def tell(self, event: str, at_s: float, **fields: Any) -> None:  # noqa: ANN401 - as above
        """Write the line, at once."""
        sys.stdout.write(msgspec.json.encode({"time_s": at_s, "event": event, **fields}).decode() + "\n")
        sys.stdout.flush()

    def show(self, status: str) -> None:
        """JSON has no status line."""

    def close(self) -> None:
        """Nothing to do."""


class TextTeller:
    """One line per event, after the time of day; on a terminal a status line below them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = console.status("starting") if console.is_terminal else None
        if self._status:
            self._status.start()

    def tell(self, event: str, at_s: float, **fields: Any) -> None:  # noqa: ANN401 - as above
        """Write the line, at once."""
        if log.is_quiet and event != "finished":
            return
        clock = time.strftime("%H:%M:%S", time.localtime(at_s))
        text = worded(event, fields)
        self._console.print(f"{clock}  {text}", markup=False, highlight=False, soft_wrap=True)
        self._console.file.flush()

    def show(self, status: str) -> None:
        """Put it into the status line, if there is one."""
        if self._status:
            self._status.update(status)

    def close(self) -> None:
        """Take the status line away."""
        if self._status:
            self._status.stop()


class _Rounded(dict[str, Any]):
    """Numbers as people read them."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in fields.items()})


TEXTS = {
    "metrics": "metrics at {url}",
    "connected": "connected to {broker} as {node}, {role} in market {market}",
    "disconnected": "connection lost; trying again until it is back",
    "reconnected": "connected again",
    "trouble": "no connection: {cause}",
    "resumed": "resumes from its journal: life number {life}",
    "waiting": "waiting for {what}",
    "open": "takes part from now on",
    "bid": "bid: {mb} MB at {price_per_mb} per MB, to {peer}",
    "withdrawn": "took its bid at {peer} back",
    "tentative": "would get {mb} MB for {money} from {peer}, if it ended now",
    "gets-nothing": "would get nothing from {peer}, if it ended now: the entry price is {price_per_mb} per MB",
    "cleared": "cleared: {mb} MB to bidders for {money}, entry price {price_per_mb} per MB",
    "awarding": "awarding: asking the winners",
    "declined": "{peer} declined its award",
    "voided": "struck out the bid of {peer}: {why}",
    "reopened": "open again: {mb} MB are still on sale",
    "accepted": "accepted: bound to {mb} MB for {money} from {peer}",
    "bought": "receipt: bought {mb} MB for {money} from {peer}",
    "freed": "{peer} knows of no such award: not bound",
    "lapsed": "no receipt from {peer} in time: not bound any more to {mb} MB for {money}",
    "sold": "sold {mb} MB for {money} to {peer}",
    "closed": "auction closed: sold {mb} MB for {money}",
    "over": "its auction was over before it was started again: sold {mb} MB for {money}",
    "in-doubt": "in doubt: no receipt from {peer} for {mb} MB, {money}; still bound, for now",
    "cleared-up": "no longer in doubt about {mb} MB from {peer}",
    "exposed": "{peer} does not do as it should: {why}",
    "lingering": "staying {seconds} s for buyers who ask again",
    "leaving": "leaving: {why}",
    "finished": "{outcome}: {done} {mb} MB for {money}, {in_doubt} in doubt; check with: bidswarm ledger {journal}",
}
"""Event to what is said of it; docs/devices.md has the fields of each."""


class Narrator:
    """Tells what the trace and the journal of a node say.

    Attributes
    ----------
    was_over
        The auction had ended in an earlier life of the node: what its trace says of the end is no news.
    """

    def __init__(self, teller: Teller) -> None:
        self.was_over = False
        self._teller = teller
        self._last_cleared: Cleared | None = None

    def records(self, records: list[Record[Trace]]) -> None:
        """Tell what happened and the journal has not told already."""
        for record in records:
            if told := _news(record.what):
                if isinstance(record.what, Cleared) and self._is_known(record.what):
                    continue
                event, fields = told
                is_old = isinstance(record.what, AuctionClosed) and self.was_over
                self._teller.tell("over" if is_old else event, record.time_s, **fields)

    def _is_known(self, cleared: Cleared) -> bool:
        """Whether the last clearing had the same result."""
        last, self._last_cleared = self._last_cleared, cleared
        return last is not None and (last.sold_mb, last.price_per_mb) == (cleared.sold_mb, cleared.price_per_mb)

    def entries(self, lines: list[JournalEntry]) -> None:
        """Tell what the node has just bound itself to."""
        for line in lines:
            if fields := _bound(line.entry):
                self._teller.tell(line.kind, line.time_s, **fields)


def worded(event: str, fields: Mapping[str, Any]) -> str:
    """An event in words."""
    return TEXTS[event].format_map(_Rounded(fields))


_News = tuple[str, dict[str, Any]]
"""An event, and what there is to say of it."""


def _news(what: Trace) -> _News | None:
    match what:
        case BidPlaced():
            bid = {"peer": what.seller, "round": what.round, "mb": what.quantity_mb, "price_per_mb": what.price_per_mb}
            return "bid", bid
        case BidWithdrawn():
            return "withdrawn", {"peer": what.seller, "round": what.round}
        case Cleared():
            sold = {"mb": what.sold_mb, "money": what.revenue_money}
            return "cleared", {"round": what.round, **sold, "price_per_mb": what.price_per_mb}
        case AcceptanceInDoubt() | DoubtClearedUp():
            terms = {"mb": what.quantity_mb, "money": what.charge_money}
            return what.kind, {"peer": what.seller, "round": what.round, **terms}
        case SellerExposed():
            return "exposed", {"peer": what.seller, "round": what.round, "why": what.lie}
    return _news_of_awarding(what)


def _news_of_awarding(what: Trace) -> _News | None:
    match what:
        case Awarding():
            return "awarding", {"round": what.round}
        case AwardDeclined():
            return "declined", {"peer": what.buyer, "round": what.round, "mb": what.quantity_mb}
        case BidVoided():
            return "voided", {"peer": what.buyer, "round": what.round, "why": what.cause}
        case Reopened():
            return "reopened", {"round": what.round, "mb": what.left_mb}
        case AuctionClosed():
            return "closed", {"round": what.round, "mb": what.sold_mb, "money": what.revenue_money}
    return None


def _bound(entry: Entry) -> dict[str, Any] | None:
    if not isinstance(entry, Sold | Agreement):
        return None
    peer = entry.buyer if isinstance(entry, Sold) else entry.seller
    return {"peer": peer, "round": entry.round, "mb": entry.quantity_mb, "money": entry.charge_money}


def teller_of(log_format: LogFormat) -> Teller:
    """What tells in this format, on standard output."""
    return JsonTeller() if log_format is LogFormat.json else TextTeller(Screen())
