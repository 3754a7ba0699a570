"""The door of a market that goes on: whoever comes in has a node there, whose role and numbers it chooses."""

import asyncio
import contextlib
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from node.protocol.psp.messages import Advert
from scenarios.errors import ScenarioError
from scenarios.guests.guest import Guest, Said
from scenarios.guests.visitors import Visitors
from scenarios.live.guard import Guard
from scenarios.live.watching import Watch
from scenarios.markets.base import Market
from scenarios.markets.psp import market as exchange
from scenarios.markets.psp.seats import MOST_SELLERS

MOST_GUESTS = 64
"""Nodes that people have here at a time."""

LEAVE_S = 5.0
"""For the nodes to leave in when the server ends."""

MECHANISMS = ("psp", "uniform-price", "pay-as-bid")


class Door:
    """Lets people into the market that is watched: a node each, on a host of its own.

    Parameters
    ----------
    broker
        URL of the broker, which must let hosts of any name in.
    journals
        The folder in which the nodes keep their journals.
    guard
        Of the page of the market.
    """

    page = "join.html"

    def __init__(
        self, watch: Watch, broker: str, name: str, journals: Path, guard: Guard, market: Market | None = None
    ) -> None:
        self.feed = watch.feed
        self.visitors = Visitors[Guest](self, guard)
        self._watch, self._market, self._journals = watch, name, journals
        self._tables = {"broker": broker, "market": name, "auction": _auction_of(market)}

    # What is shown: the market itself

    async def run(self) -> None:
        """Watch the market; in the end all guests leave."""
        try:
            await self._watch.run()
        finally:
            for guest in self.visitors.all:
                guest.leave()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await asyncio.gather(*(guest.gone() for guest in self.visitors.all))

    def restart(self) -> None:
        """What is watched cannot begin anew."""

    # The house

    def admit(self, others: Collection[Guest]) -> Guest:
        """A guest whose name nobody has, or has had."""
        names = {guest.name for guest in others}
        return Guest(next(one for one in iter(_drawn_name, "") if one not in names and not self._journal(one).exists()))

    def _journal(self, name: str) -> Path:
        return self._journals / f"{self._market}-{name}.sqlite"

    def offers(self) -> dict[str, Advert]:
        """What is on sale, by seller: those whose hosts are there, and whose auctions are not over."""
        found = {poster: post for poster, post in self._watch.posts().items() if isinstance(post, Advert)}
        open_ = {poster: advert for poster, advert in found.items() if advert.state != "closed"}
        return dict(sorted(open_.items())[:MOST_SELLERS])

    def state_of(self, guest: Guest) -> bytes:
        """All that the page of a guest shows."""
        offers = guest.shelves(self.offers())
        return msgspec.json.encode({"market": self._market, "offers": offers, **guest.shown()})

    def heed(self, guest: Guest, said: str) -> bool:
        """Do for a guest what its page says; whether it is something that pages say."""
        try:
            word = msgspec.json.decode(said, type=Said)
        except msgspec.MsgspecError as error:
            if not isinstance(error.__cause__, ValueError):
                return False
            guest.note = str(error.__cause__)  # a number that a person may have written
            return True
        if word.enter and guest.phase == "outside":
            try:
                self._let_in(guest, word)
            except ScenarioError as error:
                guest.note = str(error)
        if word.move and guest.is_busy:
            guest.note = ""
            guest.bid(word.move)
        if word.leave:
            guest.leave()
        return True

    def receipts_of(self, guest: Guest) -> dict[str, Any]:
        """Its receipts."""
        return {"market": self._market, "node": guest.name, "receipts": guest.notebook.receipts}

    def _let_in(self, guest: Guest, word: Said) -> None:
        assert word.enter
        pool = list(self.offers())
        if self._watch.kind_name not in (None, "psp"):
            raise ScenarioError("In this market there are no buyers and sellers, and nothing for guests to do.")
        if word.enter.role == "buyer" and not pool:
            raise ScenarioError("No seller is there yet: wait until one is.")
        if sum(one.is_busy for one in self.visitors.all) >= MOST_GUESTS:
            raise ScenarioError(f"{MOST_GUESTS} guests are there already, and no more may come.")
        self._journals.mkdir(parents=True, exist_ok=True)
        guest.note = ""
        guest.enter(word.enter, {**self._tables, "journal": str(self._journal(guest.name))}, pool)


def _drawn_name() -> str:
    return f"guest-{secrets.token_hex(3)}"


def _auction_of(market: Market | None) -> dict[str, Any]:
    """How auctions are held: as the market says that is known, else as devices hold them."""
    if not isinstance(market, exchange.Market):
        return {}
    mechanism, timing = market.auction.mechanism, market.timing
    if mechanism not in MECHANISMS:
        raise ScenarioError(f"--join: guests know the mechanisms {', '.join(MECHANISMS)}, and not {mechanism!r}")
    return {
        "mechanism": mechanism,
        "clearing_interval_s": timing.clearing_interval_s,
        "quiet_period_s": timing.quiet_period_s,
        "retry_s": timing.retry_s,
        "patience_s": timing.patience_s,
    }
