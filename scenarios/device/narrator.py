"""What a node does, told as it happens: lines for people, a status line on a terminal, or JSON."""

import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from rich.console import Console
from rich.status import Status

from node.protocol.host import Record
from node.protocol.machine import JournalEntry
from scenarios.device.formats import LogFormat


class Teller(Protocol):
    """Where the news of a node go."""

    def tell(self, event: str, at_s: float, **fields: Any) -> None:  # noqa: ANN401 - what JSON and format take
        """Say that this happened, seconds since 1970."""
        ...

    def show(self, status: str) -> None:
        """Say how things stand, where that can be said in place."""
        ...

    def close(self) -> None:
        """Nothing more will be said."""
        ...


class JsonTeller:
    """One JSON object per line."""

    def tell(self, event: str, at_s: float, **fields: Any) -> None:  # noqa: ANN401 - as above
        """Write the line, at once."""
        sys.stdout.write(msgspec.json.encode({"time_s": at_s, "event": event, **fields}).decode() + "\n")
        sys.stdout.flush()

    def show(self, status: str) -> None:
        """Not in place."""

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
        clock = time.strftime("%H:%M:%S", time.localtime(at_s))
        text = TEXTS[event].format_map(_Rounded(fields))
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
    "cleared": "cleared: {mb} MB to bidders for {money}, price {price_per_mb} per MB",
    "awarding": "awarding: asking the winners",
    "declined": "{peer} declined its award",
    "voided": "struck out the bid of {peer}",
    "reopened": "open again: {mb} MB are left",
    "accepted": "accepted: bound to {mb} MB for {money} from {peer}",
    "bought": "receipt: bought {mb} MB for {money} from {peer}",
    "freed": "{peer} knows of no such award: not bound",
    "sold": "sold {mb} MB for {money} to {peer}",
    "closed": "auction closed: sold {mb} MB for {money}",
    "in-doubt": "in doubt: no receipt from {peer} for {mb} MB, {money}; still bound",
    "cleared-up": "no longer in doubt: {peer} answered",
    "exposed": "{peer} told two different books of one clearing",
    "lingering": "staying {seconds} s for buyers who ask again",
    "leaving": "leaving: {why}",
    "finished": "{outcome}: {done} {mb} MB for {money}, {in_doubt} in doubt; check with: bidswarm ledger {journal}",
}
"""Event to what is said of it; docs/devices.md has the fields of each."""

RECORDS: dict[str, str] = {
    "bid": "bid",
    "withdraw": "withdrawn",
    "cleared": "cleared",
    "awarding": "awarding",
    "declined": "declined",
    "voided": "voided",
    "reopened": "reopened",
    "closed": "closed",
    "in-doubt": "in-doubt",
    "cleared-up": "cleared-up",
    "exposed": "exposed",
}
"""Kind of trace record to event: what the journal has not told already."""

ENTRIES = frozenset({"sold", "accepted", "bought", "freed"})
"""Kinds of journal entries that are told."""


class Narrator:
    """Tells what the trace and the journal of a node say."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._last_cleared: tuple[float, float] | None = None

    def records(self, records: list[Record]) -> None:
        """Tell what happened."""
        for record in records:
            if event := RECORDS.get(record.kind):
                self._record(event, record)

    def _record(self, event: str, record: Record) -> None:
        if event == "cleared":
            cleared = record.quantity, record.price
            if cleared == self._last_cleared:
                return
            self._last_cleared = cleared
        self._teller.tell(event, record.time_s, **_fields(record), price_per_mb=record.price)

    def entries(self, entries: list[JournalEntry]) -> None:
        """Tell what is bound from now on."""
        for entry in entries:
            if entry.kind in ENTRIES:
                self._teller.tell(entry.kind, entry.time_s, **_fields(entry))


def _fields(said: Record | JournalEntry) -> dict[str, Any]:
    return {"peer": said.peer, "round": said.round, "mb": said.quantity, "money": said.charge}


def teller_of(log_format: LogFormat) -> Teller:
    """What tells in this format, on standard output."""
    return JsonTeller() if log_format is LogFormat.json else TextTeller(Console())
