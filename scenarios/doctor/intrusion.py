"""Tries, with the login of a user, what the broker's access rules must refuse it (docs/protocol.md, section 2)."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import aiomqtt

from broker import BrokerAddress
from broker.capability import logged_in
from broker.client import TIMEOUT_S
from broker.profile import Role
from node.protocol.topics import ROOT, Topics, address

SOMEBODY = "somebody-else"
SILENCE_S = 1.0
"""How long to wait for forged messages as an observer, which cannot send itself a last message that ends the wait."""

FENCE = b"fence"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message to ``topic``, from a user that listens to ``listens``; it must not arrive."""

    what: str
    topic: str
    listens: str


def attempts_of(role: Role, user: str, topics: Topics) -> list[Attempt]:
    """What must be refused to a user of that role.

    A broker does not say that it refuses, so each is seen by its effect: both ends are the user's own.
    """
    everybody_reads = (topics.every_board, topics.every_presence, topics.control)
    writer = user if role == "observer" else SOMEBODY
    forged = (topics.board(address(writer, "doctor")), topics.presence(writer), topics.control)
    words = ("post on the board of", "announce the presence of", "speak as the launcher instead of")
    writes = [
        Attempt(f"{what} {writer}", topic, listens)
        for what, topic, listens in zip(words, forged, everybody_reads, strict=True)
    ]
    match role:
        case "launcher":
            outside = f"bidswarm-doctor/{topics.market}"
            return [Attempt(f"use topics outside {ROOT}/", outside, outside)]
        case "observer":
            return [*writes, Attempt("publish a trace", topics.trace(user), topics.every_trace)]
        case "host":
            return [
                *writes,
                Attempt(f"speak as {SOMEBODY}", topics.inbox(user, SOMEBODY), topics.every_inbox(user)),
                Attempt(f"read the inbox of {SOMEBODY}", topics.inbox(SOMEBODY, user), topics.every_inbox(SOMEBODY)),
                Attempt("read traces", topics.trace(user), topics.every_trace),
            ]


async def succeeded(broker: BrokerAddress, role: Role, user: str) -> list[str]:
    """Which of the attempts the broker let pass, in words.

    Raises
    ------
    BrokerError
        If the connection is refused or lost.
    """
    topics = Topics(f"doctor-{uuid4().hex[:12]}")
    attempts = attempts_of(role, user, topics)
    fence = topics.inbox(user, user)
    filters = {attempt.listens for attempt in attempts} | {topics.every_inbox(user)}
    async with logged_in(broker) as reader, logged_in(broker) as writer:
        await reader.subscribe([(topic_filter, 1) for topic_filter in sorted(filters)])
        for attempt in attempts:
            await writer.publish(attempt.topic, attempt.what.encode(), qos=1)
        await writer.publish(fence, FENCE, qos=1)
        arrived = await _arrived(reader, SILENCE_S if role == "observer" else TIMEOUT_S)
    return [attempt.what for attempt in attempts if attempt.what.encode() in arrived]


async def _arrived(reader: aiomqtt.Client, longest_s: float) -> set[bytes]:
    """The messages before the fence; an observer never sees one."""
    arrived: set[bytes] = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(longest_s):
            async for message in reader.messages:
                if message.payload == FENCE:
                    break
                arrived.add(bytes(message.payload) if isinstance(message.payload, bytes) else b"")
    return arrived
