"""Whether a broker carries the largest message that will be sent, and many at once: tried before it matters."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

import aiomqtt

from broker.address import BrokerAddress
from broker.capability import logged_in, subscribe
from broker.errors import BrokerError
from broker.names import ROOT, is_name

BURST = 500
"""Messages at once: a worker that carries a thousand users has some hundred to send after a clearing."""

SMALL_BYTES = 500
PATIENCE_S = 30.0
"""Seconds for all messages of a trial: a mebibyte takes a line of 1 Mbit/s 17, there and back."""

ASK_AGAIN_S = 1.0

HOSTED = "some hosted brokers have limits that cannot be raised: take another one then"


async def check_load(address: BrokerAddress, largest: int, posts: int = 0) -> float:
    """How many seconds a message of ``largest`` bytes and ``BURST`` small ones took to come back to their sender.

    So many ``posts``, if they are more, are retained as well, and must all come to whoever subscribes to them.

    Raises
    ------
    BrokerError
        If the broker cuts off who sends them, drops them, or takes longer than ``PATIENCE_S`` for either; the text
        names the setting that is in the way.
    """
    began = time.monotonic()
    async with logged_in(address) as client:
        trial = await _Trial.begun(client, address)
        await _require_large(trial, largest)
        await _require_burst(trial)
        if posts > BURST:
            await _require_board(trial, posts)
    return time.monotonic() - began


class _CutOffError(Exception):
    """The connection was lost meanwhile."""


class _Trial:
    """A client that writes to its own inbox, in a market of its own (docs/protocol.md, section 2)."""

    def __init__(self, client: aiomqtt.Client, address: BrokerAddress, market: str, host: str) -> None:
        self._client = client
        self._inbox = f"{market}/inbox/{host}/{host}"
        self._board = f"{market}/board/{host}"
        self.where = address.host_port
        self.arrived: set[bytes] = set()
        self._is_over = False

    @classmethod
    async def begun(cls, client: aiomqtt.Client, address: BrokerAddress) -> "_Trial":
        user = address.username or ""
        # The name of the user is the name of the host, so that a broker with access rules per user grants this topic.
        host = user if is_name(user) else "check"
        market = f"{ROOT}/load-check-{uuid4().hex[:12]}"
        inbox = f"{market}/inbox/{host}"
        try:
            await subscribe(client, f"{inbox}/+")
        except aiomqtt.MqttError as error:
            raise BrokerError(f"{address.host_port} lets nobody subscribe to {inbox}/+ ({error})") from None
        return cls(client, address, market, host)

    async def lacking(self, messages: Sequence[bytes]) -> int:
        """How many of these messages, all different, are not there when one comes that was sent after them.

        Raises
        ------
        TimeoutError, _CutOffError
            If that one does not come in time, or the connection is lost.
        """
        return await self._missing(messages, messages)

    async def lacking_on_board(self, posts: Sequence[bytes]) -> int:
        """How many of these retained posts, all different, are not there when one comes that was sent after them.

        Raises
        ------
        TimeoutError, _CutOffError
            As for ``lacking``.
        """
        try:
            await self._post(posts)
            await subscribe(self._client, f"{self._board}/#")
            return await self._missing((), posts)
        except aiomqtt.MqttError as error:
            raise _CutOffError from error
        finally:
            with suppress(aiomqtt.MqttError):
                await self._client.unsubscribe(f"{self._board}/#")
                await self._post([b""] * len(posts))

    async def _post(self, posts: Sequence[bytes]) -> None:
        publish = self._client.publish
        topics = [f"{self._board}/{k}" for k in range(len(posts))]
        await asyncio.gather(
            *(
                publish(topic, post, 1, retain=True, timeout=PATIENCE_S)
                for topic, post in zip(topics, posts, strict=True)
            )
        )

    async def _missing(self, sent: Sequence[bytes], expected: Sequence[bytes]) -> int:
        fence = uuid4().bytes
        self.arrived.clear()
        self._is_over = False
        sending = asyncio.create_task(self._send(sent, fence))
        try:
            async with asyncio.timeout(PATIENCE_S):
                async for message in self._client.messages:
                    if message.payload == fence:
                        break
                    self.arrived.add(message.payload)
        except aiomqtt.MqttError as error:
            raise _CutOffError from error
        finally:
            self._is_over = True  # in Python 3.11 a call that ends as it is cancelled goes on as if it were not
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return len(set(expected) - self.arrived)

    async def _send(self, messages: Sequence[bytes], fence: bytes) -> None:
        publish = self._client.publish
        await asyncio.gather(*(publish(self._inbox, message, qos=1, timeout=PATIENCE_S) for message in messages))
        while not self._is_over:  # a broker that drops messages may drop this one, too
            await publish(self._inbox, fence, qos=1, timeout=PATIENCE_S)
            await asyncio.sleep(ASK_AGAIN_S)


async def _require_large(trial: _Trial, size: int) -> None:
    try:
        lacking = await trial.lacking([uuid4().bytes.ljust(size, b"x")])
    except _CutOffError:
        raise BrokerError(
            f"{trial.where} cuts off who sends a message of {size:,} bytes: on Mosquitto raise max_packet_size in its "
            f"configuration to 8388608 or take it out; {HOSTED}"
        ) from None
    except TimeoutError:
        raise BrokerError(f"{trial.where} has not delivered a message of {size:,} bytes {_late()}") from None
    if lacking:
        raise BrokerError(
            f"{trial.where} drops messages of {size:,} bytes and does not say so: on Mosquitto raise "
            f"message_size_limit in its configuration to 1114112 or take it out; {HOSTED}"
        )


async def _require_burst(trial: _Trial) -> None:
    try:
        lacking = await trial.lacking([uuid4().bytes.ljust(SMALL_BYTES, b"x") for _ in range(BURST)])
    except _CutOffError:
        raise BrokerError(
            f"{trial.where} cuts off who sends {BURST} messages of {SMALL_BYTES} bytes at once: raise its limit for "
            f"the rate of a client; {HOSTED}"
        ) from None
    except TimeoutError:
        raise BrokerError(
            f"{trial.where} has delivered {len(trial.arrived)} of {BURST} messages that were sent at once {_late()}"
        ) from None
    if lacking:
        raise BrokerError(
            f"{trial.where} drops {lacking} of {BURST} messages that are sent at once: on Mosquitto raise "
            f"max_queued_messages in its configuration to 20000; {HOSTED}"
        )


async def _require_board(trial: _Trial, posts: int) -> None:
    try:
        lacking = await trial.lacking_on_board([uuid4().bytes for _ in range(posts)])
    except _CutOffError:
        raise BrokerError(
            f"{trial.where} cuts off who retains {posts} messages at once: raise its limits for a client; {HOSTED}"
        ) from None
    except TimeoutError:
        raise BrokerError(
            f"{trial.where} has delivered {len(trial.arrived)} of {posts} retained messages {_late()}"
        ) from None
    if lacking:
        raise BrokerError(
            f"{trial.where} drops {lacking} of {posts} retained messages, as many as this market has: a host that "
            "comes later would not see all; on Mosquitto raise max_queued_messages in its configuration to 20000; "
            f"{HOSTED}"
        )


def _late() -> str:
    return f"within {PATIENCE_S:g} s: find a better network or a less busy broker"
