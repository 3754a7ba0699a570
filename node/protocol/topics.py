"""The only place that builds or parses a topic or an address (docs/protocol.md, sections 1 and 2)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import msgspec

from node.protocol.errors import ProtocolUsageError, RejectedError

ROOT = "bidswarm/v1"

NAME = r"[A-Za-z0-9_-]{1,64}"
"""What a market, a host and a node may be called."""

NAME_IN_WORDS = "1 to 64 of the characters A-Z, a-z, 0-9, _ and -"

Name = Annotated[str, msgspec.Meta(pattern=f"^{NAME}$", max_length=64)]
"""A name in a message or a file. ``^…$`` lets one line break at the end pass, which ``name`` does not."""

Address = Annotated[str, msgspec.Meta(pattern=f"^{NAME}/{NAME}$", max_length=129)]
"""The address of a node in a message or a file."""

_NAME = re.compile(NAME)
_ADDRESS = re.compile(f"{NAME}/{NAME}")


def name(text: str) -> str:
    """``text``, if a market, host or node may be called so.

    Raises
    ------
    ProtocolUsageError
        If it may not.
    """
    if not _NAME.fullmatch(text):
        raise ProtocolUsageError(f"a name must be {NAME_IN_WORDS}, got {text!r}")
    return text


def address(host: str, node: str) -> str:
    """The address of a node: ``host/node``."""
    return f"{name(host)}/{name(node)}"


def is_address(text: str) -> bool:
    """Whether this may be the address of a node."""
    return _ADDRESS.fullmatch(text) is not None


@lru_cache(100_000)  # one for every message
def peer_address(host: str, node: str) -> str:
    """The address that a peer claims for one of its nodes.

    Raises
    ------
    RejectedError
        If it is none.
    """
    claimed = f"{host}/{node}"
    if not is_address(claimed):
        raise RejectedError("malformed address")
    return claimed


def host_of(node_address: str) -> str:
    """The host part of an address."""
    return node_address.partition("/")[0]


@lru_cache(100_000)  # folds ask for every record
def node_of(node_address: str) -> str:
    """The node part of an address."""
    return node_address.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Inbox:
    """A frame from one host to another."""

    to_host: str
    from_host: str


@dataclass(frozen=True, slots=True)
class Board:
    """A retained post of one node."""

    address: str


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a host is there."""

    host: str


@dataclass(frozen=True, slots=True)
class TraceOf:
    """A batch of events of one host."""

    host: str


@dataclass(frozen=True, slots=True)
class Control:
    """The launcher's word to all."""


Topic = Inbox | Board | Presence | TraceOf | Control


class Topics:
    """The topics of one market, and the filters its readers subscribe to."""

    def __init__(self, market: str) -> None:
        self.market = name(market)
        self._prefix = f"{ROOT}/{market}"
        self.control = f"{self._prefix}/control"
        self.every_board = f"{self._prefix}/board/#"
        self.every_presence = f"{self._prefix}/presence/+"
        self.every_trace = f"{self._prefix}/trace/+"

    def inbox(self, to_host: str, from_host: str) -> str:
        """Where ``from_host`` leaves frames for ``to_host``."""
        return f"{self._prefix}/inbox/{to_host}/{from_host}"

    def every_inbox(self, host: str) -> str:
        """The filter for all frames to ``host``."""
        return f"{self._prefix}/inbox/{host}/+"

    def board(self, node_address: str) -> str:
        """Where a node posts for everybody."""
        return f"{self._prefix}/board/{node_address}"

    def presence(self, host: str) -> str:
        """Where a host says that it is there, and its last will that it is not."""
        return f"{self._prefix}/presence/{host}"

    def trace(self, host: str) -> str:
        """Where a host publishes its events for observers."""
        return f"{self._prefix}/trace/{host}"

    def parse(self, topic: str) -> Topic:
        """What a topic of this market is.

        Raises
        ------
        RejectedError
            If it is none of this market's topics.
        """
        prefix, _, rest = topic[: len(self._prefix)], None, topic[len(self._prefix) :]
        match rest.split("/") if prefix == self._prefix else []:
            case ["", "inbox", to_host, from_host] if _NAME.fullmatch(to_host) and _NAME.fullmatch(from_host):
                return Inbox(to_host, from_host)
            case ["", "board", host, node]:
                return Board(peer_address(host, node))
            case ["", "presence", host] if _NAME.fullmatch(host):
                return Presence(host)
            case ["", "trace", host] if _NAME.fullmatch(host):
                return TraceOf(host)
            case ["", "control"]:
                return Control()
        raise RejectedError("unknown topic")
