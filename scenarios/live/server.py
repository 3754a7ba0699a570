"""The web server of the page: its files, and a WebSocket on which the market comes (docs/live.md)."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any

import msgspec

from scenarios.extras import needs
from scenarios.live.feed import Feed, Viewer, Wish
from scenarios.live.guard import Guard, cookie_of
from scenarios.live.pace import Pace, is_speed
from scenarios.markets.steering import Order

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

FRAME_S = 0.2
"""A viewer gets a frame so often, seconds, where that takes little time."""

BUSY = 4.0
"""Between two frames so many times as long is waited as one took to make: viewers never take most of the machine."""

MOST_VIEWERS = 64

MOST_SAID_BYTES = 16_384
"""Of what a page says at once."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}

TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}

STATIC = resources.files("scenarios.live") / "static"


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page says: what it wants to see, what is to become of the time, or what is to happen."""

    wish: Wish | None = None
    pause: bool | None = None
    step: bool = False
    restart: bool = False
    speed: float | None = None
    order: Order | None = None

    @property
    def sets_time(self) -> bool:
        """Whether it is about the time."""
        return self.pause is not None or self.speed is not None or self.step or self.restart


Files = Mapping[str, tuple[bytes, str]]
"""Content and type of each, by path."""

Background = Callable[[], Coroutine[Any, Any, None]]
"""What feeds the feed, for as long as the server serves."""


def application(
    feed: Feed,
    guard: Guard,
    background: Background,
    restart: Callable[[], None] | None = None,
    more: "Sequence[BaseRoute]" = (),
) -> "Starlette":
    """The page of this feed, as an ASGI application.

    Parameters
    ----------
    background
        Runs as long as the application does.
    restart
        Begins anew, where that can be done.
    more
        Routes of other pages, which guard themselves.
    """
    starlette = needs("starlette.applications")
    routing, responses = needs("starlette.routing"), needs("starlette.responses")
    viewers = set[int]()

    async def page(request: "Request") -> "Response":
        if refused := refusal(request, guard):
            status, text = refused
            return plain(responses, status, text)
        if "token" in request.query_params:
            return let_in(request, responses, "/")
        return sent(request.path_params.get("path") or "index.html", files(), responses)

    async def live(socket: "WebSocket") -> None:
        host, origin = socket.headers.get("host"), socket.headers.get("origin")
        is_welcome = guard.is_own(host, origin) and guard.may_look(socket.cookies, host)
        if not is_welcome or len(viewers) >= MOST_VIEWERS:
            await socket.close(1008)
            return
        await socket.accept()
        viewers.add(id(socket))
        try:
            may_order = guard.may_order(socket.cookies, host)
            viewer = Viewer(may_order=may_order, may_set_time=may_order or guard.order_token is None)
            await attend(socket, _send(socket, feed, viewer), lambda said: _heed(said, feed, viewer, restart))
        finally:
            viewers.discard(id(socket))

    @contextlib.asynccontextmanager
    async def lifespan(app: "Starlette") -> AsyncIterator[None]:
        del app
        task = asyncio.ensure_future(background())
        task.add_done_callback(lambda done: _note_failure(feed, done))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    routes = [
        *more,
        routing.WebSocketRoute("/live", live),
        routing.Route("/", page),
        routing.Route("/{path:path}", page),
    ]
    app: Starlette = starlette.Starlette(routes=routes, lifespan=lifespan)
    return app


def _note_failure(feed: Feed, task: "asyncio.Future[None]") -> None:
    """Say on the page why nothing comes any more."""
    if not task.cancelled() and (error := task.exception()):
        feed.state, feed.note = "lost", str(error) or repr(error)


def let_in(request: "Request", responses: Any, to: str) -> "Response":  # noqa: ANN401 - a module
    """Lead a browser that has brought the token on, without it in the address, and have it bring it each time."""
    moved: Response = responses.RedirectResponse(to, status_code=303, headers=HEADERS)
    cookie, token = cookie_of(request.headers.get("host")), request.query_params["token"]
    moved.set_cookie(cookie, token, httponly=True, samesite="strict")
    return moved


def refusal(request: "Request", guard: Guard) -> tuple[int, str] | None:
    """Why a request is refused, with the status; None if it is not."""
    host = request.headers.get("host")
    if not guard.is_host(host):
        return 421, "This server is not called so. Open it by the address that bidswarm printed."
    token = request.query_params.get("token")
    if not (guard.is_known(token) if token is not None else guard.may_look(request.cookies, host)):
        return 401, "Open the page by the whole address that bidswarm printed, its token included."
    return None


def plain(responses: Any, status: int, text: str) -> "Response":  # noqa: ANN401 - a module
    """An answer in one line."""
    return responses.PlainTextResponse(f"{text}\n", status, headers=HEADERS)  # type: ignore[no-any-return]


def sent(path: str, known: Files, responses: Any) -> "Response":  # noqa: ANN401 - a module
    """A file of a page; only those that are in the package can be named."""
    found = known.get(path)
    if found is None:
        return plain(responses, 404, "There is no such file.")
    content, type_ = found
    return responses.Response(content, headers={**HEADERS, "Content-Type": type_})  # type: ignore[no-any-return]


@cache
def files() -> Files:
    """The files of the page by path."""
    return {**files_in(STATIC), **files_in(STATIC / "vendor", "vendor/")}


def files_in(folder: Traversable, prefix: str = "") -> Files:
    """The files in a folder by path, as far as pages may have them."""
    return {
        prefix + entry.name: (entry.read_bytes(), TYPES[ending])
        for entry in folder.iterdir()
        if entry.is_file() and (ending := entry.name.rpartition(".")[2]) in TYPES
    }


async def attend(
    socket: "WebSocket", showing: Coroutine[Any, Any, None], heed: Callable[[str], bool], pause_s: float = 0.0
) -> None:
    """Show a page what there is until it leaves, and heed what it says meanwhile, once in ``pause_s`` seconds.

    A page is cut off when ``heed`` says that no page says such a thing.
    """
    sending = asyncio.ensure_future(showing)
    disconnect = needs("starlette.websockets").WebSocketDisconnect
    try:
        while True:
            said = await socket.receive_text()
            if len(said) > MOST_SAID_BYTES or not heed(said):
                await socket.close(1008)
                return
            await asyncio.sleep(pause_s)
    except (disconnect, KeyError):  # KeyError: bytes, where a page says text
        pass
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, disconnect, RuntimeError):
            await sending


async def _send(socket: "WebSocket", feed: Feed, viewer: Viewer) -> None:
    """Send what is new, again and again. While a slow viewer does not take a frame, none is made for it."""
    while True:
        began = time.monotonic()
        frame = feed.frame(viewer)
        took_s = time.monotonic() - began
        if frame is not None:
            await socket.send_bytes(frame)
        await asyncio.sleep(max(FRAME_S, BUSY * took_s))


def _heed(said: str, feed: Feed, viewer: Viewer, restart: Callable[[], None] | None) -> bool:
    """Do what a page says; whether it is something that pages say."""
    try:
        command = msgspec.json.decode(said, type=Command)
    except msgspec.MsgspecError:
        return False
    if command.wish is not None:
        viewer.wish = command.wish.bounded()
    if command.order is not None:
        if feed.desk is None or not viewer.may_order:
            return False
        feed.desk.ask(command.order)
    if command.sets_time:
        if feed.pace is None or not viewer.may_set_time or not is_speed(command.speed or 0.0):
            return False
        _set_time(feed.pace, command, feed.view.now_s, restart)
    return True


def _set_time(pace: Pace, command: Command, now_s: float, restart: Callable[[], None] | None) -> None:
    """Do what a page says of the time."""
    if command.speed is not None:
        pace.set_speed(command.speed or math.inf, now_s)
    if command.pause is True:
        pace.pause(now_s)
    elif command.pause is False:
        pace.go_on(now_s)
    if command.step:
        pace.step()
    if command.restart and restart:
        restart()
