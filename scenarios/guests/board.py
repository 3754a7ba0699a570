"""The board of a classroom: the code for the others, who is there, the next round, and the scores."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scenarios.extras import needs
from scenarios.guests.classroom import Classroom
from scenarios.guests.visitors import files, show
from scenarios.live.server import HEADERS, attend, let_in, plain, refusal, sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket


def routes_of(room: Classroom) -> "Sequence[BaseRoute]":
    """Its page, for who has the token by which things can be made to happen."""
    routing, responses = needs("starlette.routing"), needs("starlette.responses")
    guard = room.guard

    async def page(request: "Request") -> "Response":
        refused = refusal(request, guard)
        host, token = request.headers.get("host"), request.query_params.get("token")
        is_teacher = guard.is_order_token(token) if token else guard.may_order(request.cookies, host)
        if refused or not is_teacher:
            status, text = refused or (401, "Open the board by the whole address that bidswarm printed.")
            return plain(responses, status, text)
        if token:
            return let_in(request, responses, "/board/")
        path = request.path_params.get("path") or "board.html"
        if path == "code.svg":
            return responses.Response(picture_of(room.url), headers=HEADERS, media_type="image/svg+xml")  # type: ignore[no-any-return]
        return sent(path, files(), responses)

    async def board(socket: "WebSocket") -> None:
        host, origin = socket.headers.get("host"), socket.headers.get("origin")
        if not (guard.is_own(host, origin) and guard.may_order(socket.cookies, host)):
            await socket.close(1008)
            return
        await socket.accept()
        await attend(socket, show(socket, room.board), room.heed_board)

    return [
        routing.WebSocketRoute("/board/live", board),
        routing.Route("/board", page),
        routing.Route("/board/{path:path}", page),
    ]


def picture_of(url: str) -> bytes:
    """The address as a QR code, SVG."""
    drawn = io.BytesIO()
    needs("segno").make(url, error="m").save(drawn, kind="svg", scale=8, xmldecl=False)
    return drawn.getvalue()
