"""The page served: by this process until Ctrl-C, or by a thread beside a simulated run."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from node.runtime.mqtt.loop import event_loop
from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.live.feed import Feed
from scenarios.live.guard import Guard
from scenarios.live.server import MOST_SAID_BYTES, application

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from uvicorn import Server


def bound(address: str, port: int) -> socket.socket:
    """A socket that listens there, on a free port for 0.

    Raises
    ------
    ScenarioError
        If it cannot be had, or the extra is not installed.
    """
    for module in ("starlette", "uvicorn", "websockets"):
        needs(module)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
    except OSError as error:
        listening.close()
        raise ScenarioError(
            f"cannot serve the page at {address}:{port} ({error.strerror}): choose another port"
        ) from error
    listening.listen()
    listening.setblocking(False)  # noqa: FBT003 - so it is called
    return listening


def url_of(listening: socket.socket, guard: Guard) -> str:
    """What to open in a browser, the token included."""
    address, port = listening.getsockname()[:2]
    host = {"0.0.0.0": _own_address(), "::": "[::1]"}.get(address, f"[{address}]" if ":" in address else address)  # noqa: S104
    token = guard.order_token or guard.token
    return f"http://{host}:{port}/" + (f"?token={token}" if token else "")


def _own_address() -> str:
    """The address by which others reach this machine, as far as it knows; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1"


class Shown(Protocol):
    """What a page shows, and what feeds it."""

    feed: Feed

    async def run(self) -> None:
        """Feed it, until cancelled."""
        ...

    def restart(self) -> None:
        """Begin anew, where that can be done."""
        ...


def server_of(shown: Shown, guard: Guard, more: "Sequence[BaseRoute]" = ()) -> "Server":
    """A web server of the page, and of more pages, that says nothing on the terminal."""
    uvicorn = needs("uvicorn")
    config = uvicorn.Config(
        application(shown.feed, guard, shown.run, shown.restart, more),
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=MOST_SAID_BYTES,
        timeout_graceful_shutdown=1,
    )
    server: Server = uvicorn.Server(config)
    return server


def serve(shown: Shown, guard: Guard, listening: socket.socket, more: "Sequence[BaseRoute]" = ()) -> None:
    """Serve until Ctrl-C."""
    server = server_of(shown, guard, more)
    with contextlib.suppress(KeyboardInterrupt):
        _run(server, listening)


def _run(server: "Server", listening: socket.socket) -> None:
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(server.serve(sockets=[listening]))


@contextlib.contextmanager
def served_beside(
    shown: Shown, guard: Guard, listening: socket.socket, more: "Sequence[BaseRoute]" = ()
) -> Iterator[None]:
    """Serve in a thread meanwhile."""
    server = server_of(shown, guard, more)
    thread = threading.Thread(target=_run, args=(server, listening), name="live")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
