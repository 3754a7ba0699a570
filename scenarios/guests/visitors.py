"""Browsers that come to a house: each gets an identity, and is listened to for its own node alone."""

import asyncio
import io
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from scenarios.extras import needs
from scenarios.live.guard import TOKEN_BYTES, Guard
from scenarios.live.server import FRAME_S, HEADERS, STATIC, Files, attend, files_in, plain, sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

COOKIE = "bidswarm-guest"
"""The name of the cookie; the port is added, as to that of whoever looks."""

MOST_VISITORS = 1_000
"""Browsers that have an identity; the oldest that takes no part loses it."""

MOST_PAGES = 4
"""Open at a time with one identity."""

PAUSE_S = 0.05
"""Between two things that one page says."""

GUEST_STATIC = resources.files("scenarios.guests") / "static"


class Visitor(Protocol):
    """Somebody with a browser."""

    @property
    def is_busy(self) -> bool:
        """Whether it takes part, so that it must not lose its identity."""
        ...


AVisitor = TypeVar("AVisitor", bound=Visitor)


class House(Protocol[AVisitor]):
    """What visitors come to.

    Attributes
    ----------
    page
        The file that they are shown.
    """

    page: str

    def admit(self, others: Collection[AVisitor]) -> AVisitor:
        """One more visitor, who is told from these."""
        ...

    def state_of(self, visitor: AVisitor) -> bytes:
        """All that its page shows, as JSON."""
        ...

    def heed(self, visitor: AVisitor, said: str) -> bool:
        """Do for a visitor what its page says; whether it is something that pages say."""
        ...

    def receipts_of(self, visitor: AVisitor) -> dict[str, Any]:
        """What a visitor takes home."""
        ...


class Visitors(Generic[AVisitor]):
    """Those who have come to a house, by a secret that only their browsers know.

    Parameters
    ----------
    guard
        Of the page of the market. Where that has a token, that of guests is another one.
    """

    def __init__(self, house: House[AVisitor], guard: Guard) -> None:
        self.guard = Guard(guard.address, guard.token and secrets.token_urlsafe(TOKEN_BYTES))
        self._house = house
        self._known: dict[str, AVisitor] = {}
        self._pages: dict[str, int] = {}

    @property
    def all(self) -> Collection[AVisitor]:
        """All of them, in the order in which they came."""
        return tuple(self._known.values())

    def url_of(self, page: str) -> str:
        """What guests open, given the address of the page, whose token is not for them."""
        return f"{page.partition('?')[0]}join" + (f"?token={self.guard.token}" if self.guard.token else "")

    def routes(self) -> "Sequence[BaseRoute]":
        """Their pages."""
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

    def _of(self, cookies: Mapping[str, str], host: str | None) -> tuple[str, AVisitor] | None:
        secret = cookies.get(_cookie_of(host), "")
        visitor = self._known.get(secret)
        return (secret, visitor) if visitor else None

    def _admitted(self) -> str:
        """The secret of a new visitor."""
        if len(self._known) >= MOST_VISITORS:
            del self._known[next(key for key, one in self._known.items() if not one.is_busy)]
        secret = secrets.token_urlsafe(TOKEN_BYTES)
        self._known[secret] = self._house.admit(self.all)
        return secret

    def _answer(self, request: "Request", responses: Any) -> "Response":  # noqa: ANN401 - a module
        host, token = request.headers.get("host"), request.query_params.get("token")
        if not self.guard.is_host(host):
            return plain(responses, 421, "This server is not called so. Open it by the address that bidswarm printed.")
        known = self._of(request.cookies, host)
        if request.url.path == "/join" and (known or self.guard.is_known(token)):
            return self._welcome(responses, host, is_known=known is not None)
        if known is None:
            return plain(responses, 401, "Open this page by the whole address that bidswarm printed, or by its code.")
        _, visitor = known
        path = request.path_params.get("path") or self._house.page
        if path == "receipts.json":
            content = msgspec.json.encode(self._house.receipts_of(visitor))
            return responses.Response(content, headers=HEADERS, media_type="application/json")  # type: ignore[no-any-return]
        return sent(path, files(), responses)

    def _welcome(self, responses: Any, host: str | None, *, is_known: bool) -> "Response":  # noqa: ANN401 - a module
        """Lead a browser to its page, with an identity of its own if it has none yet."""
        moved: Response = responses.RedirectResponse("/join/", status_code=303, headers=HEADERS)
        if not is_known:  # lax: whoever follows a link in a mail has it at once; what changes anything asks for Origin
            moved.set_cookie(_cookie_of(host), self._admitted(), path="/join", httponly=True, samesite="lax")
        return moved

    async def _attend(self, socket: "WebSocket") -> None:
        """Show a visitor what is its own until it closes the page; what it says meanwhile is heeded."""
        host, origin = socket.headers.get("host"), socket.headers.get("origin")
        known = self._of(socket.cookies, host)
        if known is None or not self.guard.is_own(host, origin) or self._pages.get(known[0], 0) >= MOST_PAGES:
            await socket.close(1008)
            return
        secret, visitor = known
        await socket.accept()
        self._pages[secret] = self._pages.get(secret, 0) + 1
        try:
            showing = show(socket, lambda: self._house.state_of(visitor))
            await attend(socket, showing, lambda said: self._house.heed(visitor, said), PAUSE_S)
        finally:
            self._pages[secret] -= 1
            if not self._pages[secret]:
                del self._pages[secret]


async def show(socket: "WebSocket", state_of: Callable[[], bytes]) -> None:
    """Send a page its state whenever that has changed."""
    last = b""
    while True:
        state = state_of()
        if state != last:
            await socket.send_text(state.decode())
            last = state
        await asyncio.sleep(FRAME_S)


def _cookie_of(host: str | None) -> str:
    return f"{COOKIE}{(host or '').rpartition(':')[2]}"


@cache
def files() -> Files:
    """The files of the pages of guests by path, those they share with the page of the market among them."""
    return {**files_in(STATIC), **files_in(GUEST_STATIC)}


def code_of(url: str) -> str:
    """The address as a QR code, for a terminal."""
    drawn = io.StringIO()
    needs("segno").make(url, error="m").terminal(drawn, compact=True)
    return drawn.getvalue()
