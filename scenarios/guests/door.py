"""The door of a market: it gives every browser an identity, and listens to it for its own node alone."""

import asyncio
import contextlib
import io
import secrets
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from node.protocol.psp.messages import Advert
from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.guests.guest import MOST_SELLERS, Guest, Said
from scenarios.live.guard import TOKEN_BYTES, Guard
from scenarios.live.server import FRAME_S, HEADERS, STATIC, TYPES, attend
from scenarios.live.watching import Watch
from scenarios.markets.base import Market
from scenarios.markets.psp import market as exchange

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

COOKIE = "bidswarm-guest"
"""The name of the cookie; the port is added, as to that of whoever looks."""

MOST_GUESTS = 64
"""Nodes that people have here at a time."""

MOST_VISITORS = 1_000
"""Browsers that have an identity; the oldest without a node in the market loses it."""

MOST_PAGES = 4
"""Open at a time with one identity."""

PAUSE_S = 0.05
"""Between two things that one page says."""

LEAVE_S = 5.0
"""For the nodes to leave in when the server ends."""

GUEST_STATIC = resources.files("scenarios.guests") / "static"

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
        Of the page of the market. Where that has a token, the door has one of its own.
    """

    def __init__(
        self, watch: Watch, broker: str, name: str, journals: Path, guard: Guard, market: Market | None = None
    ) -> None:
        self.feed = watch.feed
        self.guard = Guard(guard.address, guard.token and secrets.token_urlsafe(TOKEN_BYTES))
        self._watch, self._market, self._journals = watch, name, journals
        self._tables = {"broker": broker, "market": name, "auction": _auction_of(market)}
        self._guests: dict[str, Guest] = {}
        self._pages: dict[str, int] = {}

    # What is shown: the market itself

    async def run(self) -> None:
        """Watch the market; in the end all guests leave."""
        try:
            await self._watch.run()
        finally:
            for guest in self._guests.values():
                guest.leave()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await asyncio.gather(*(guest.gone() for guest in self._guests.values()))

    def restart(self) -> None:
        """What is watched cannot begin anew."""

    # Who comes

    def url_of(self, page: str) -> str:
        """What guests open, given the address of the page, whose token is not for them."""
        return f"{page.partition('?')[0]}join" + (f"?token={self.guard.token}" if self.guard.token else "")

    def _guest_of(self, cookies: Mapping[str, str], host: str | None) -> tuple[str, Guest] | None:
        secret = cookies.get(_cookie_of(host), "")
        guest = self._guests.get(secret)
        return (secret, guest) if guest else None

    def _welcomed(self) -> str:
        """The secret of a new visitor."""
        if len(self._guests) >= MOST_VISITORS:
            del self._guests[next(key for key, one in self._guests.items() if one.phase != "inside")]
        secret, names = secrets.token_urlsafe(TOKEN_BYTES), {guest.name for guest in self._guests.values()}
        name = next(one for one in iter(_drawn_name, "") if one not in names and not self._journal(one).exists())
        self._guests[secret] = Guest(name)
        return secret

    def _journal(self, name: str) -> Path:
        return self._journals / f"{self._market}-{name}.sqlite"

    # What they see and do

    def offers(self) -> dict[str, Advert]:
        """What is on sale, by seller: those whose hosts are there, and whose auctions are not over."""
        found = {poster: post for poster, post in self._watch.posts().items() if isinstance(post, Advert)}
        open_ = {poster: advert for poster, advert in found.items() if advert.state != "closed"}
        return dict(sorted(open_.items())[:MOST_SELLERS])

    def state_of(self, guest: Guest) -> bytes:
        """All that the page of a guest shows."""
        own = f"{guest.name}/{guest.name}"
        offers = [
            {"seller": seller, "left": one.left, "supply": one.supply, "reserve": one.reserve, "state": one.state}
            for seller, one in self.offers().items()
            if seller != own
        ]
        return msgspec.json.encode({"market": self._market, "offers": offers, **guest.shown()})

    def heed(self, guest: Guest, said: str) -> bool:
        """Do for a guest what its page says; whether it is something that pages say."""
        try:
            word = msgspec.json.decode(said, type=Said)
        except msgspec.MsgspecError:
            return False
        if word.enter and guest.phase == "outside":
            try:
                self._let_in(guest, word)
            except ScenarioError as error:
                guest.note = str(error)
        if word.bid:
            guest.bid(word.bid)
        if word.leave:
            guest.leave()
        return True

    def _let_in(self, guest: Guest, word: Said) -> None:
        assert word.enter
        pool = list(self.offers())
        if self._watch.kind_name not in (None, "psp"):
            raise ScenarioError("In this market there are no buyers and sellers, and nothing for guests to do.")
        if word.enter.role == "buyer" and not pool:
            raise ScenarioError("No seller is there yet: wait until one is.")
        if sum(one.phase == "inside" for one in self._guests.values()) >= MOST_GUESTS:
            raise ScenarioError(f"{MOST_GUESTS} guests are there already, and no more may come.")
        self._journals.mkdir(parents=True, exist_ok=True)
        guest.note = ""
        guest.enter(word.enter, {**self._tables, "journal": str(self._journal(guest.name))}, pool)

    # On the web

    def routes(self) -> "Sequence[BaseRoute]":
        """The pages of guests."""
        routing, responses = needs("starlette.routing"), needs("starlette.responses")

        async def door(request: "Request") -> "Response":
            return self._answer(request, responses)

        async def page(socket: "WebSocket") -> None:
            await self._attend(socket)

        return [
            routing.WebSocketRoute("/join/live", page),
            routing.Route("/join", door),
            routing.Route("/join/{path:path}", door),
        ]

    def _answer(self, request: "Request", responses: Any) -> "Response":  # noqa: ANN401 - a module
        host, token = request.headers.get("host"), request.query_params.get("token")
        if not self.guard.is_host(host):
            return _text(responses, 421, "This server is not called so. Open it by the address that bidswarm printed.")
        known = self._guest_of(request.cookies, host)
        if request.url.path == "/join" and (known or self.guard.is_known(token)):
            return self._welcome(responses, host, is_known=known is not None)
        if known is None:
            return _text(responses, 401, "Open this page by the whole address that bidswarm printed, or by its code.")
        _, guest = known
        path = request.path_params.get("path") or "join.html"
        if path == "receipts.json":
            content = {"market": self._market, "node": guest.name, "receipts": guest.notebook.receipts}
            return responses.Response(msgspec.json.encode(content), headers=HEADERS, media_type="application/json")  # type: ignore[no-any-return]
        found = files().get(path)
        if found is None:
            return _text(responses, 404, "There is no such file.")
        content_, type_ = found
        return responses.Response(content_, headers={**HEADERS, "Content-Type": type_})  # type: ignore[no-any-return]

    def _welcome(self, responses: Any, host: str | None, *, is_known: bool) -> "Response":  # noqa: ANN401 - a module
        """Lead a browser to its page, with an identity of its own if it has none yet."""
        moved: Response = responses.RedirectResponse("/join/", status_code=303, headers=HEADERS)
        if not is_known:  # lax: whoever follows a link in a mail has it at once; what changes anything asks for Origin
            moved.set_cookie(_cookie_of(host), self._welcomed(), path="/join", httponly=True, samesite="lax")
        return moved

    async def _attend(self, socket: "WebSocket") -> None:
        """Show a guest its node until it closes the page; what it says meanwhile is heeded."""
        host, origin = socket.headers.get("host"), socket.headers.get("origin")
        known = self._guest_of(socket.cookies, host)
        is_own = self.guard.is_host(host) and self.guard.is_origin(origin, host)
        if known is None or not is_own or self._pages.get(known[0], 0) >= MOST_PAGES:
            await socket.close(1008)
            return
        secret, guest = known
        await socket.accept()
        self._pages[secret] = self._pages.get(secret, 0) + 1
        try:
            await attend(socket, self._show(socket, guest), lambda said: self.heed(guest, said), PAUSE_S)
        finally:
            self._pages[secret] -= 1
            if not self._pages[secret]:
                del self._pages[secret]

    async def _show(self, socket: "WebSocket", guest: Guest) -> None:
        last = b""
        while True:
            state = self.state_of(guest)
            if state != last:
                await socket.send_text(state.decode())
                last = state
            await asyncio.sleep(FRAME_S)


def _text(responses: Any, status: int, text: str) -> "Response":  # noqa: ANN401 - a module
    return responses.PlainTextResponse(f"{text}\n", status, headers=HEADERS)  # type: ignore[no-any-return]


def _cookie_of(host: str | None) -> str:
    return f"{COOKIE}{(host or '').rpartition(':')[2]}"


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


def files() -> dict[str, tuple[bytes, str]]:
    """The files of a guest's page by name, those it shares with the page of the market among them."""
    return {
        entry.name: (entry.read_bytes(), TYPES[entry.name.rpartition(".")[2]])
        for folder in (STATIC, GUEST_STATIC)
        for entry in folder.iterdir()
        if entry.is_file() and entry.name.rpartition(".")[2] in TYPES
    }


def code_of(url: str) -> str:
    """The address as a QR code, for a terminal."""
    drawn = io.StringIO()
    needs("segno").make(url, error="m").terminal(drawn, compact=True)
    return drawn.getvalue()
