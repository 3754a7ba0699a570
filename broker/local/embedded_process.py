"""The process of the embedded broker: amqtt on one loopback port. ``embedded_process.py PORT``, 0 for a free one."""

import asyncio
import logging
import os
import signal
import sys
import threading

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.session import Session

LOOPBACK = "127.0.0.1"
LISTENER = "default"
# amqtt lets nobody in without an authentication plugin. Its other default plugins log every packet and publish $SYS.
PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


class EmbeddedBroker(Broker):  # type: ignore[misc]  # amqtt ships no type information
    """amqtt's broker without the retained messages that 0.12.1 sends to a client before it subscribes.

    On every CONNECT amqtt walks through the filters of all clients, sends what is retained under them, and awaits
    while it iterates over the dictionary of subscriptions. When hosts connect at the same time, that dictionary changes
    and the new client is left connected but deaf. MQTT 3.1.1 (section 3.3.1.3) wants retained messages on SUBSCRIBE.
    """

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = self.subscriptions.get(subscription[0], [])
        if any(subscriber is session for subscriber, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)


async def serve(port: int) -> None:
    """Serve until the process ends; reports its process id and port on standard output once it listens."""
    # An external listener leaves the socket to us: bound to port 0 it has no race for a free port, and asyncio sets
    # TCP_NODELAY on what it accepts (docs/protocol.md, section 7).
    listeners = {LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)}
    broker = EmbeddedBroker(BrokerConfig(listeners=listeners, plugins=PLUGINS))

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), LISTENER)

    await broker.start()
    server = await asyncio.start_server(accept, LOOPBACK, port)
    print(os.getpid(), server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the report to the launcher
    await server.serve_forever()


def _exit_with_launcher() -> None:
    os.read(sys.stdin.fileno(), 1)  # returns when the launcher closes the pipe, or ends in whatever way
    os._exit(0)  # nothing to save: no session and no message is stored


def main() -> None:
    """Run the broker; SIGTERM ends it, SIGINT does not: Ctrl-C is the launcher's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    threading.Thread(target=_exit_with_launcher, daemon=True).start()
    asyncio.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
