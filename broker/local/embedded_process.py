"""The process of the embedded broker: amqtt on one loopback port. ``embedded_process.py PORT``, 0 for a free one."""

import asyncio
import io
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
MAX_PACKET_BYTES = 2 * 1024 * 1024
"""As Mosquitto has it when it is started here: twice the largest frame. Who sends more is cut off."""

SHIFTS, MORE = (0, 7, 14, 21), 0x80
"""Up to four bytes tell the length of a packet, seven bits each and one for whether more follow (MQTT 3.1.1, 2.2.3)."""

log = logging.getLogger("bidswarm.broker")

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


class BoundedReader(StreamReaderAdapter):  # type: ignore[misc]  # as above
    """Reads one packet after the other into memory, and takes one that is too large for the end of the connection.

    amqtt alone reads packets of up to 256 MiB.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._stream = reader
        self._packet = io.BytesIO()
        self._is_over = False

    async def read(self, n: int = -1) -> bytes:
        """The next bytes, of one packet alone; none at the end."""
        data = self._packet.read(n)
        if n and not data and not self._is_over:
            self._packet = io.BytesIO(await self._next_packet())
            data = self._packet.read(n)
            self._is_over = not data
        return data

    async def _next_packet(self) -> bytes:
        try:
            packet, size = await self._stream.readexactly(1), 0
            for shift in SHIFTS:
                byte = await self._stream.readexactly(1)
                packet += byte
                size += (byte[0] & ~MORE) << shift
                if not byte[0] & MORE:
                    break
            if size > MAX_PACKET_BYTES:
                log.warning("cut off who sent a packet of %d bytes; %d are allowed", size, MAX_PACKET_BYTES)
                return b""
            return packet + await self._stream.readexactly(size)
        except asyncio.IncompleteReadError:
            return b""


async def serve(port: int) -> None:
    """Serve until the process ends; reports its process id and port on standard output once it listens."""
    # An external listener leaves the socket to us: bound to port 0 it has no race for a free port, and asyncio sets
    # TCP_NODELAY on what it accepts (docs/protocol.md, section 7).
    listeners = {LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)}
    broker = EmbeddedBroker(BrokerConfig(listeners=listeners, plugins=PLUGINS))

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.external_connected(BoundedReader(reader), StreamWriterAdapter(writer), LISTENER)

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
