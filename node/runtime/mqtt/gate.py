"""Applies a plan of faults to one host over MQTT: delays what it sends, and holds back what a cut keeps from it."""

from collections.abc import Iterable
from typing import NamedTuple

from node.protocol.topics import Board, Inbox, Presence, Topics, host_of
from node.runtime.faults.plan import Edge


class Parcel(NamedTuple):
    """What is to be published at a time of the world's clock, seconds."""

    at: float
    topic: str
    data: bytes
    retained: bool


class Gate:
    """Decides when frames and posts leave and are read; without an edge, that is with no fault plan, immediately."""

    def __init__(self, host: str, topics: Topics, edge: Edge | None) -> None:
        self._host = host
        self._topics = topics
        self._edge = edge
        self._held: dict[str, bytes] = {}

    def opened(self, now: float) -> None:
        """Note when the market opened; the earliest time counts."""
        if self._edge:
            self._edge.opened_at = min(self._edge.opened_at, now)

    def parcels(
        self, frames: Iterable[tuple[str, bytes]], posts: Iterable[tuple[str, bytes]], now: float
    ) -> list[Parcel]:
        """What becomes of a host's frames and posts."""
        edge = self._edge
        leaving = [
            Parcel(at, self._topics.inbox(to, self._host), frame, retained=False)
            for to, frame in frames
            for at in (edge.departures(to, now) if edge else (now,))
        ]
        return leaving + [
            Parcel(edge.post_departure(poster, now) if edge else now, self._topics.board(poster), post, retained=True)
            for poster, post in posts
        ]

    def opens_at(self, topic: str, now: float) -> float:
        """When this host can hear what is said under the topic, seconds; ``now``, if it can.

        Raises
        ------
        RejectedError
            If it is no topic of this market.
        """
        if self._edge is None:
            return now
        match self._topics.parse(topic):
            case Inbox(_, other) | Presence(other):
                return self._edge.heals_at(other, now)
            case Board(poster):
                return self._edge.heals_at(host_of(poster), now)
        return now

    def hold(self, topic: str, payload: bytes) -> bool:
        """Keep the newest of what the broker retains until the cut heals; whether it is the first under its topic.

        A frame is lost.
        """
        if isinstance(self._topics.parse(topic), Inbox):
            return False
        is_first = topic not in self._held
        self._held[topic] = payload
        return is_first

    def held(self, topic: str) -> bytes:
        """What was held under the topic."""
        return self._held.pop(topic)
