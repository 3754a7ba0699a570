import asyncio
import hmac
import logging
import math
import secrets
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import aiomqtt

# A lost connection is an exception, which is dealt with; without a handler it would be a line on stderr as well.
logging.getLogger("mqtt").addHandler(logging.NullHandler())


_RANDOM = secrets.token_hex(8)
"""Of this process; a reconnection keeps it."""

MailboxType = Callable[[int], asyncio.Queue[aiomqtt.Message]]
"""Makes what incoming messages wait in, of a given ``maxsize``; 0 is for no bound."""


class _Client(aiomqtt.Client):
    """A client of which a task that publishes can be cancelled at any moment.

    aiomqtt waits by means of ``asyncio.wait_for``. Before Python 3.12 that forgets a cancellation which comes in the
    turn in which the wait ends, and the task goes on.
    """

    async def publish(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> None:  # noqa: ASYNC109, ANN401
        """Publish as the base class does, which is told to wait without end."""
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                await super().publish(*args, timeout=math.inf, **kwargs)
        except TimeoutError:
            raise aiomqtt.MqttError("Operation timed out") from None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the broker listens, and as whom to log in.

    ``ca`` holds the certificates, in PEM, that the broker's own must lead to over TLS; the system's, if ``None``. A
    broker that hears nothing for one and a half times ``keepalive_s`` utters the last will.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: str | None = field(default=None, repr=False)
    keepalive_s: int = 60

    def client(
        self, identifier: str, will: aiomqtt.Will | None = None, mailbox: MailboxType | None = None
    ) -> aiomqtt.Client:
        """A client for this broker, without Nagle's 40 ms.

        Of two clients that use the same identifier, whoever they are, a broker cuts off the older. With a password it
        therefore becomes one that nobody else can guess, and without one it is of this process alone: of two that were
        started under one name each would cut off the other for ever.
        """
        client = _Client(
            self.host,
            self.port,
            username=self.username,
            password=self.password,
            identifier=f"{identifier}-{_RANDOM if self.password is None else _secret(identifier, self.password)}",
            will=will,
            queue_type=mailbox,  # type: ignore[arg-type]  # aiomqtt only calls it
            keepalive=self.keepalive_s,
            tls_context=_tls_context(self.ca) if self.tls else None,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client.pending_calls_threshold = sys.maxsize  # a host publishes all it has at once: no reason to warn
        return client


def _secret(identifier: str, password: str) -> str:
    # The same after a restart, so that the broker notices that the old connection is dead.
    return hmac.digest(password.encode(), identifier.encode(), "sha256").hex()[:16]


@lru_cache(1)  # reading the system's authorities takes longer than a connection
def _tls_context(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca)
