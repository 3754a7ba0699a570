"""A host: the nodes that share one connection, still without a transport (docs/protocol.md, section 1)."""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from node.protocol.errors import RejectedError
from node.protocol.journal import JournalEntry, LifeBegun
from node.protocol.machine import (
    CancelTimer,
    Dropped,
    Effect,
    Event,
    Left,
    Machine,
    Message,
    Opened,
    PeerOffline,
    Persist,
    PostOnBoard,
    Received,
    Reconnected,
    Restored,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from node.protocol.topics import address, host_of, peer_address
from node.protocol.trace import Record, Trace
from node.protocol.wire.frames import (
    Codec,
    Envelope,
    decode_frame,
    encode_frames,
    encode_message,
    encode_post,
)
from node.protocol.wire.limits import MAX_LIVES, Limits, Throttle
from node.protocol.wire.seal import Seal

Past = Mapping[str, Restored]
"""By address: the journal entries of each node from before its host was restarted."""


Lives = dict[str, bytes]
"""By host: the life that its presence told last, drawn when its process started; that of the own host among them."""


@dataclass(slots=True, eq=False)
class _Node:
    """One node of a host: its machine, how many messages it has sent, and the number of each timer that is set."""

    name: str
    address: str
    machine: Machine
    sent: int = 0
    timers: dict[str, int] = field(default_factory=dict)


class Host:
    """Feeds its nodes with what arrives and gathers what they have to say.

    Whoever drives it hands in time and bytes, calls ``fire`` at ``next_deadline``, and takes ``entries``, ``frames``,
    ``posts`` and ``records`` out after every turn. The entries must be safe in the journal before a frame leaves.

    Parameters
    ----------
    nodes
        Their machines, by name.
    codec
        Decodes what the nodes of this market say to each other.
    seal
        Signs what leaves and checks what comes; without one nothing is signed, and what is signed is rejected.
    limits
        How much it listens to any other host, and keeps for it; without limits, if not given.
    trusted
        The hosts that the limits are not for.
    """

    # A simulation jumps among thousands of hosts: the less memory of each it touches, the faster.
    __slots__ = (
        "_codec",
        "_entries",
        "_life",
        "_lives",
        "_nodes",
        "_order",
        "_outbox",
        "_posts",
        "_records",
        "_seal",
        "_throttle",
        "_timers",
        "_trusted",
        "_unread",
        "_waiting",
        "_watchers",
        "counters",
        "name",
    )

    def __init__(
        self,
        name: str,
        nodes: Mapping[str, Machine],
        codec: Codec,
        seal: Seal | None = None,
        limits: Limits | None = None,
        trusted: Collection[str] = (),
    ) -> None:
        self.name = name
        self._life = b""
        self._lives: Lives = {}
        self._codec = codec
        self._seal = seal
        self._throttle = Throttle(limits) if limits else None
        self._trusted = frozenset(trusted)
        self.counters: Counter[str] = Counter()
        self._nodes = {node: _Node(node, address(name, node), machine) for node, machine in nodes.items()}
        self._watchers: defaultdict[str, list[_Node]] = defaultdict(list)
        for own in self._nodes.values():
            for watched in own.machine.watches:
                self._watchers[watched].append(own)
        self._unread = set(self._watchers)
        self._waiting: dict[str, tuple[bytes, Message]] = {}
        self._outbox: defaultdict[str, list[Envelope]] = defaultdict(list)
        self._posts: dict[str, bytes] = {}
        self._records: list[Record[Trace]] = []
        self._entries: list[JournalEntry] = []
        self._timers: list[tuple[float, int, _Node, str]] = []
        self._order = itertools.count()

    @property
    def machines(self) -> dict[str, Machine]:
        """Its nodes by name."""
        return {node.name: node.machine for node in self._nodes.values()}

    @property
    def watched(self) -> Iterable[str]:
        """The addresses whose posts some node here wants to see."""
        return self._watchers.keys()

    @property
    def awaited(self) -> list[str]:
        """Those of the watched of whom no post has counted yet."""
        return sorted(self._unread)

    @property
    def limits(self) -> Limits | None:
        """How much it listens to hosts that it does not trust."""
        return self._throttle.limits if self._throttle else None

    def trusts(self, host: str) -> bool:
        """Whether no limits are for this host."""
        return host in self._trusted

    def refuse(self, host: str) -> None:
        """Count what came from another host and was dropped before it reached this one."""
        if self._throttle:
            self._drop("throttled", self._throttle.counted_as(host))

    def reject(self, host: str, reason: RejectedError) -> None:
        """Count what no correct peer says, by its sender too, unless that is trusted."""
        self._drop("rejected", str(reason), host)

    @property
    def finished(self) -> bool:
        """Whether none of its nodes waits for anything."""
        for node in self._nodes.values():  # noqa: SIM110 - the world asks at every event; all() takes twice as long
            if not node.machine.finished:
                return False
        return True

    # In

    def start(self, now: float, lives: Lives, past: Past | None = None) -> None:
        """Bring the nodes up, before the market opens; those with a past take up what they had agreed on.

        ``lives`` has the new life of this host; hosts of one simulation share it.
        """
        self._lives, self._life = lives, lives[self.name]
        for own in self._nodes.values():
            self._apply(now, own, [Persist(LifeBegun())])
            if past and (restored := past.get(own.address)):
                own.sent = restored.first_number
                self._step(now, own, restored)
        self._all_step(now, Started())

    def open(self, now: float) -> None:
        """Let the start barrier fall."""
        self._all_step(now, Opened())

    def tell(self, now: float, node: str, event: Event) -> None:
        """Hand one node what happens to it."""
        self._step(now, self._nodes[node], event)

    def leave(self, now: float) -> None:
        """Tell the nodes that their user leaves."""
        self._all_step(now, Left())

    def reconnected(self, now: float) -> None:
        """Tell the nodes that the connection was lost and is back."""
        self._all_step(now, Reconnected())

    def peer_online(self, now: float, host: str, life: bytes) -> None:
        """Learn that another host is there, in this life; the one before is over, and a post may have waited for it."""
        known = self._lives.get(host)
        if known == life:
            return
        if known is None and len(self._lives) >= MAX_LIVES:
            self._drop("throttled", "presence")
            return
        self._lives[host] = life
        if known is not None:
            self._all_step(now, PeerOffline(host))
        due = [poster for poster, (of, _) in self._waiting.items() if of == life and host_of(poster) == host]
        for poster in due:
            self._deliver_post(now, poster, self._waiting.pop(poster)[1])

    def peer_offline(self, now: float, host: str, life: bytes) -> None:
        """Tell the nodes that another host is gone, unless it is in another life by now: then this is a late word."""
        if self._lives.get(host, life) == life:
            self._all_step(now, PeerOffline(host))
        else:
            self._drop("ignored", "another life")

    def receive_frame(self, now: float, from_host: str, data: bytes) -> None:
        """Hand the messages of a frame to their nodes; what is malformed or misdirected is counted and dropped."""
        throttle = self._throttle and self._throttle_of(from_host)
        if throttle and not self._admits(throttle, now, from_host, len(data)):
            return
        try:
            envelopes = decode_frame(self._seal.opened_frame(from_host, data) if self._seal else data, self._life)
        except RejectedError as reason:
            self.reject(from_host, reason)
            return
        further = len(envelopes) - 1
        if throttle and further and not self._admits(throttle, now, from_host, 0, further):
            return
        for envelope in envelopes:
            try:
                self._deliver(now, from_host, envelope, throttle)
            except RejectedError as reason:
                self.reject(from_host, reason)

    def _deliver(self, now: float, from_host: str, envelope: Envelope, throttle: Throttle | None) -> None:
        own = self._nodes.get(envelope.to_node)
        if own is None:
            raise RejectedError("unknown node")
        if throttle and not throttle.admits_sender(from_host, envelope.from_node):
            self.refuse(from_host)
            return
        sender = peer_address(from_host, envelope.from_node)
        message = self._codec.message(envelope.message)
        self.counters["received"] += 1
        self._step(now, own, Received(sender, message), from_host)

    def receive_post(self, now: float, poster: str, data: bytes) -> None:
        """Hand a board post to the nodes that watch its poster; it waits until its host is known to be in its life."""
        if poster not in self._watchers:
            return
        throttle = self._throttle and self._throttle_of(host_of(poster))
        if throttle and not self._admits(throttle, now, host_of(poster), len(data)):
            return
        try:
            life, message = self._codec.post(self._seal.opened_post(poster, data) if self._seal else data)
        except RejectedError as reason:
            self.reject(host_of(poster), reason)
            return
        known = self._lives.get(host_of(poster))
        if known == life:
            self._deliver_post(now, poster, message)
            return
        self._waiting[poster] = life, message
        if known is not None:
            self._drop("rejected", "another life")

    def _deliver_post(self, now: float, poster: str, message: Message) -> None:
        self._unread.discard(poster)
        self.counters["received"] += 1
        for own in self._watchers[poster]:
            self._step(now, own, Received(poster, message))

    def _throttle_of(self, host: str) -> Throttle | None:
        return None if host in self._trusted else self._throttle

    def _admits(self, throttle: Throttle, now: float, host: str, size: int, messages: int = 1) -> bool:
        if throttle.admits(now, host, size, messages):
            return True
        self.refuse(host)
        return False

    # Time

    @property
    def timers(self) -> int:
        """How many timers are set."""
        return sum(len(own.timers) for own in self._nodes.values())

    @property
    def next_deadline(self) -> float | None:
        """When the next timer is due, seconds."""
        while self._timers:
            at, order, own, name = self._timers[0]
            if own.timers.get(name) == order:
                return at
            heapq.heappop(self._timers)
        return None

    def fire(self, now: float) -> float | None:
        """Fire every timer that is due; when the next one will be, seconds."""
        while (deadline := self.next_deadline) is not None and deadline <= now:
            _, _, own, name = heapq.heappop(self._timers)
            del own.timers[name]
            self._step(now, own, TimerFired(name))
        return deadline

    # Out

    @property
    def has_output(self) -> bool:
        """Whether there are entries, frames, posts or records to take."""
        return bool(self._records or self._outbox or self._posts or self._entries)

    def frames(self) -> list[tuple[str, bytes]]:
        """What there is to send since the last call: (host, frame); hosts that have never been there get nothing."""
        if not self._outbox:
            return []
        frames: list[tuple[str, bytes]] = []
        for to, envelopes in self._outbox.items():
            if life := self._lives.get(to):
                frames += [(to, frame) for frame in encode_frames(envelopes, life)]
            else:
                self.counters["unsent: no presence"] += len(envelopes)
        self._outbox.clear()
        if self._throttle:
            self._throttle.sent()
        return [(to, self._seal.frame(to, frame)) for to, frame in frames] if self._seal else frames

    def entries(self) -> list[JournalEntry]:
        """What there is to write into the journal since the last call."""
        if not self._entries:
            return []
        entries, self._entries = self._entries, []
        return entries

    def posts(self) -> list[tuple[str, bytes]]:
        """What there is to post since the last call: (address, post); only the newest of each node."""
        if not self._posts:
            return []
        posts, self._posts = self._posts, {}
        return (
            [(poster, self._seal.post(poster, post)) for poster, post in posts.items()]
            if self._seal
            else [*posts.items()]
        )

    def records(self) -> list[Record[Trace]]:
        """What happened since the last call."""
        if not self._records:
            return []
        records, self._records = self._records, []
        return records

    # Machines

    def _all_step(self, now: float, event: Event) -> None:
        for own in self._nodes.values():
            self._step(now, own, event)

    def _step(self, now: float, own: _Node, event: Event, from_host: str | None = None) -> None:
        """Step a machine; ``from_host`` is to blame for what it rejects."""
        self._apply(now, own, own.machine.step(now, event), from_host)

    def _apply(self, now: float, own: _Node, effects: Iterable[Effect], from_host: str | None = None) -> None:
        # Attributes instead of patterns like Send(to, message), which take the interpreter twice as long.
        for effect in effects:
            match effect:
                case Send():
                    own.sent += 1
                    self.counters["sent"] += 1
                    to_host, _, to_node = effect.to.partition("/")
                    envelope = Envelope(to_node, own.name, own.sent, encode_message(effect.message))
                    throttle = self._throttle
                    if throttle and to_host not in self._trusted and not self._has_room(throttle, to_host, envelope):
                        continue
                    self._outbox[to_host].append(envelope)
                case Trace():
                    self._records.append(Record(now, own.address, effect))
                case SetTimer():
                    own.timers[effect.name] = order = next(self._order)
                    heapq.heappush(self._timers, (effect.at, order, own, effect.name))
                case CancelTimer():
                    own.timers.pop(effect.name, None)
                case Persist():
                    self._entries.append(JournalEntry(now, own.address, effect.entry, effect.binds))
                case PostOnBoard():
                    self.counters["posts"] += 1
                    self._posts[own.address] = encode_post(effect.message, self._life)
                case Dropped():
                    self._drop(effect.verdict, effect.reason, from_host)
                case _:
                    assert_never(effect)

    def _has_room(self, throttle: Throttle, to_host: str, envelope: Envelope) -> bool:
        if throttle.admits_answer(to_host, len(memoryview(envelope.message))):
            return True
        self.refuse(to_host)
        return False

    def _drop(self, verdict: str, reason: str, from_host: str | None = None) -> None:
        """Count it; what was rejected by its sender too, unless that is trusted."""
        self.counters[f"{verdict}: {reason}"] += 1
        if from_host and verdict == "rejected" and (throttle := self._throttle_of(from_host)):
            self.counters[f"rejected from {throttle.counted_as(from_host)}"] += 1
