"""One person's node: what the person wants of it, and what it shows the person."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from node.protocol.psp.buyer import Buyer
from node.protocol.psp.events import MindChanged
from node.protocol.psp.messages import Advert
from node.protocol.psp.seen import Seen
from node.runtime.mqtt.host import Clock
from node.strategy.psp.by_hand import ByHand
from node.strategy.psp.offer import Target
from scenarios.device.command import OUTCOMES
from scenarios.device.device import build
from scenarios.device.narrator import worded
from scenarios.device.schema import NodeFile
from scenarios.device.session import Trading
from scenarios.files.explained import converted
from scenarios.markets.psp.seats import Bids, Shelf, free_of
from scenarios.metrics.meter import Meter

MOST_LINES = 50
"""Of what its node has said that a page shows."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """With what a guest begins.

    Attributes
    ----------
    quantity_mb, price_per_mb
        Of a buyer: what it wants at most, and what an MB is worth to it. Of a seller: its supply and its reserve price.
    by
        Of a buyer: whether the person bids, or the strategy ``opt-out``.
    """

    role: Literal["buyer", "seller"]
    quantity_mb: float
    price_per_mb: float
    by: Literal["hand", "strategy"] = "hand"


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page of a guest says. It names no node: whose it is, the cookie tells."""

    enter: Entry | None = None
    move: Bids | None = None
    leave: bool = False


@dataclass
class Notebook:
    """What a node tells, kept for its person."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    receipts: list[dict[str, Any]] = field(default_factory=list)
    cleared: dict[str, float] = field(default_factory=dict)

    def tell(self, event: str, at_s: float, **fields: Any) -> None:  # noqa: ANN401 - as every teller
        """Keep an event, and what follows from it."""
        self.lines.append(worded(event, fields))
        match event:
            case "cleared":
                self.cleared = {key: fields[key] for key in ("mb", "money", "price_per_mb")}
            case "bought" | "sold":
                self.receipts.append({"event": event, "time_s": at_s, **fields})

    def show(self, status: str) -> None:
        """A page has no status line."""

    def close(self) -> None:
        """Nothing to do."""


class Guest:
    """A person, and its node once it has entered.

    Attributes
    ----------
    name
        Of the node, and of the host that carries it alone.
    note
        What the person should know.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.note = ""
        self.entry: Entry | None = None
        self.notebook = Notebook()
        self._strategy = ByHand()
        self._pool: list[str] = []
        self._trading: Trading | None = None
        self._buyer: Buyer | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def phase(self) -> Literal["outside", "inside", "over"]:
        """Whether it has entered, and is still there."""
        if self._task is None:
            return "outside"
        return "over" if self._task.done() else "inside"

    @property
    def is_busy(self) -> bool:
        """Whether its node is in the market."""
        return self.phase == "inside"

    def enter(self, entry: Entry, tables: Mapping[str, Any], pool: list[str]) -> None:
        """Take part, with a node of these settings, which may buy from the pool.

        Raises
        ------
        ScenarioError
            If the numbers make no node; the text says why.
        """
        settings = converted({**tables, "role": entry.role, "host": self.name, **_role_of(entry, pool)}, NodeFile)
        device = build(settings, self._strategy if entry.by == "hand" else None)
        self.entry, self._pool = entry, pool
        self._buyer = device.machine if isinstance(device.machine, Buyer) else None
        self._trading = Trading(device, settings, self.notebook, Meter(), Clock(0.0))
        self._task = asyncio.create_task(self._trade(self._trading), name=self.name)

    async def _trade(self, trading: Trading) -> None:
        try:
            self.note = f"{OUTCOMES[await trading.run()].capitalize()}."
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends one guest and no other, who is told
            self.note = f"Your node has stopped: {error}"

    def bid(self, bids: Bids) -> None:
        """Bid this from now on, as far as it is at sellers of the pool."""
        chosen = {seller: Target(*bid) for seller, bid in bids.at.items() if seller in self._pool}
        if self._trading:
            self._trading.tell_node(MindChanged(chosen, bids.stand))

    def leave(self) -> None:
        """Take back what does not bind it yet, and go."""
        if self._trading:
            self._trading.ask_to_leave("you have left")

    async def gone(self) -> None:
        """Wait until its node has left."""
        if self._task:
            await self._task

    def shelves(self, adverts: Mapping[str, Advert]) -> list[Shelf]:
        """What it may know of the others who sell: of a book what its node has been told, which has a bid in it."""
        own, answers = f"{self.name}/{self.name}", self._buyer.answers if self._buyer else {}
        return [_shelf(seller, one, answers.get(seller)) for seller, one in adverts.items() if seller != own]

    def shown(self) -> dict[str, Any]:
        """What its page shows of it."""
        standing, answers = (self._buyer.standing, self._buyer.answers) if self._buyer else ({}, {})
        return {
            "name": self.name,
            "phase": self.phase,
            "note": self.note,
            "entry": self.entry,
            "pool": self._pool,
            "stand": self._strategy.stand,
            "bids": {seller: (bid.quantity, bid.price) for seller, bid in standing.items()},
            "gets": {seller: (answer.allocation, answer.charge) for seller, answer in answers.items()},
            "cleared": self.notebook.cleared,
            "receipts": self.notebook.receipts,
            "lines": list(self.notebook.lines),
        }


def _shelf(seller: str, advert: Advert, answer: Seen | None) -> Shelf:
    free = free_of(advert.left, advert.supply)
    return Shelf(
        seller=seller,
        supply=advert.supply,
        on_sale=answer.supply if answer else None,
        free=free,
        reserve=advert.reserve,
        price=answer.price if answer else advert.reserve if free else None,
        state=advert.state,
    )


def _role_of(entry: Entry, pool: list[str]) -> dict[str, Any]:
    """The table of its role in the settings of a node."""
    if entry.role == "seller":
        return {"seller": {"supply_mb": entry.quantity_mb, "reserve_price_per_mb": entry.price_per_mb}}
    valuation = {"kind": "flat", "demand_mb": entry.quantity_mb, "value_per_mb": entry.price_per_mb}
    return {"buyer": {"sellers": pool, "valuation": valuation}}
