"""What has come over the connection of a host and is still to be read."""

import asyncio
from collections import deque
from typing import NamedTuple

import aiomqtt

from node.protocol.errors import RejectedError
from node.protocol.host import Host
from node.protocol.topics import Board, Inbox, Presence, Topics, host_of
from node.protocol.wire.limits import MAX_HOSTS, OTHERS


class _Origin(NamedTuple):
    """A host, and whether it is its presence: a flood of frames must not keep anybody from hearing that it is gone."""

    host: str
    is_presence: bool


class _Unread(NamedTuple):
    """What of one origin is still to be read."""

    messages: int = 0
    bytes: int = 0


class Mailbox(asyncio.Queue[aiomqtt.Message]):
    """A queue in which no host that limits are for can leave more than it may say at once; what exceeds it is counted.

    aiomqtt takes in all there is: what comes faster than it is read would fill the memory.
    """

    def __init__(self, host: Host, topics: Topics, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._host = host
        self._topics = topics
        self._origins: deque[_Origin | None] = deque()
        self._unread: dict[_Origin, _Unread] = {}

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Take in a message, or drop it."""
        origin = self._limited_origin(item.topic.value)
        if origin is None or self._has_room(origin, len(item.payload)):
            self._origins.append(origin)
            super().put_nowait(item)

    def get_nowait(self) -> aiomqtt.Message:
        """The next message."""
        item = super().get_nowait()
        origin = self._origins.popleft()
        if origin is not None:
            unread = self._unread.pop(origin)
            if unread.messages > 1:
                self._unread[origin] = _Unread(unread.messages - 1, unread.bytes - len(item.payload))
        return item

    def _limited_origin(self, topic: str) -> _Origin | None:
        """Where this comes from, as far as there are limits for it."""
        if self._host.limits is None:
            return None
        origin = self._origin(topic)
        if origin is None or self._host.trusts(origin.host):
            return None
        is_known = origin in self._unread or len(self._unread) < MAX_HOSTS
        return origin if is_known else _Origin(OTHERS, origin.is_presence)

    def _origin(self, topic: str) -> _Origin | None:
        """Where this comes from; None for the launcher."""
        try:
            match self._topics.parse(topic):
                case Inbox(_, host):
                    return _Origin(host, is_presence=False)
                case Board(poster):
                    return _Origin(host_of(poster), is_presence=False)
                case Presence(host):
                    return _Origin(host, is_presence=True)
        except RejectedError:
            return _Origin(OTHERS, is_presence=False)
        return None

    def _has_room(self, origin: _Origin, size: int) -> bool:
        limits = self._host.limits
        assert limits
        unread = self._unread.get(origin, _Unread())
        if unread.messages >= limits.messages_burst or unread.bytes + size > limits.bytes_burst:
            self._host.refuse(origin.host)
            return False
        self._unread[origin] = _Unread(unread.messages + 1, unread.bytes + size)
        return True
