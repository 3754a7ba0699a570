"""The event loop of a process that speaks MQTT."""

import asyncio
from typing import Any


def event_loop() -> asyncio.AbstractEventLoop:
    """The kind that aiomqtt needs on Windows; silent about sockets that are closed when aiomqtt begins to watch them.

    A broker that cuts a client off while it writes brings that about. The loss is an exception of the client besides.
    """
    loop = asyncio.SelectorEventLoop()
    loop.set_exception_handler(_handle)
    return loop


def _handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if not (isinstance(error, OSError | ValueError) and "SelectorEventLoop.add_" in context["message"]):
        loop.default_exception_handler(context)
