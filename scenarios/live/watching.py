"""A market on a broker as anybody may watch it: boards, presence and traces are read, and nothing is said."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import aiomqtt
import msgspec

from broker import BrokerAddress
from node.protocol.errors import RejectedError
from node.protocol.machine import Message
from node.protocol.topics import Board, Control, Presence, Topics, TraceOf, host_of, node_of
from node.protocol.trace import Record, Trace
from node.protocol.wire.frames import Codec, unsealed
from node.protocol.wire.presence import OFFLINE, decode_presence
from node.runtime.keys import Keys
from node.runtime.mqtt.host import OPEN, STOP
from scenarios.broker_link import endpoint_of, seal_of
from scenarios.errors import ScenarioError
from scenarios.launch.trace_filter import MALFORMED, TraceFilter
from scenarios.launch.workers import LEAVE_S
from scenarios.live.feed import Feed
from scenarios.live.playback import whole_view
from scenarios.markets.base import Market
from scenarios.markets.kind import MarketKind
from scenarios.markets.panels import View
from scenarios.markets.plain_view import PlainView
from scenarios.markets.registry import kind_of, kinds
from scenarios.results import folder as rundir
from scenarios.words import counted

LOOK_S, RETRY_S = 0.2, 1.0

LATE = "the market was open before this page came, and what was told until then is in no figure"
AWAY = "what was told while the broker did not answer is in no figure"
OTHER = "it is not the market that was named, or was changed; what its users value is not gone by"

MOST_WAITING = 100_000
"""Messages that have come and are not read yet; what comes when there are so many is dropped."""


class Watch:
    """Follows a market by its topics, and in the end by the folder of its run, if that is known.

    Traces are not repeated when some are lost, so that only the folder has all of them.

    Parameters
    ----------
    market
        Whose market it is; None if nobody has said so, when the first board post tells of which kind it is.
    folder
        Of the run, if its launcher is on this machine.
    say
        Told when the broker is gone, and when it is there again; None for nobody.
    """

    def __init__(
        self,
        broker: BrokerAddress,
        name: str,
        market: Market | None = None,
        folder: Path | None = None,
        keys: Keys | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        kind = kind_of(market) if market else None
        self._endpoint, self._topics, self._market, self._kind = endpoint_of(broker), Topics(name), market, kind
        self._folder, self._broker, self._say = folder, broker.host_port, say
        self._seal = seal_of(self._topics, keys)("watch")
        self._codecs = {one.name: Codec(one.messages) for one in ([kind] if kind else kinds().values())}
        self._filter: TraceFilter | None = None
        self._homes: dict[str, str] = {}
        self._present: set[str] = set()
        self._lives: dict[str, bytes] = {}
        self._posts: dict[str, tuple[bytes, Message]] = {}
        self._opened_at: float | None = None
        self._is_stopping = False
        self._flaw = ""
        self.dropped: Counter[str] = Counter()
        if kind:
            self._learn(kind)
        self.feed = Feed(self._view, f"market {name}")

    def _view(self) -> View:
        return self._kind.view(self._market) if self._kind else PlainView(None)

    def _disbelieve(self, flaw: str) -> None:
        """Go by what anybody can see from now on, since what is known of the market, or was told of it, is not all."""
        self._flaw = flaw
        if self._market:
            self._market = None
            self.feed.restart()
            for poster, (_, message) in self._posts.items():
                self.feed.view.post(poster, message)
        self._say_who_is_there()

    def _learn(self, kind: MarketKind) -> None:
        """Read from now on what nodes of this kind of market say."""
        self._kind, self._filter = kind, TraceFilter(kind)
        self._codecs = {kind.name: self._codecs[kind.name]}

    @property
    def kind_name(self) -> str | None:
        """Of which kind the market is, once that is known."""
        return self._kind.name if self._kind else None

    def posts(self) -> dict[str, Message]:
        """What stands on the board, by poster, as far as it was posted by a host that is there now."""
        return {
            poster: message
            for poster, (life, message) in self._posts.items()
            if host_of(poster) in self._present and self._lives[host_of(poster)] == life
        }

    async def run(self) -> None:
        """Watch until it is cancelled; after the end of the run what its folder has."""
        self.feed.note = "connecting to the broker ..."
        tasks = [asyncio.ensure_future(one) for one in (self._listen(), self._end_in_time(), self._prepare())]
        if self._folder:
            tasks.append(asyncio.ensure_future(self._await_end(self._folder)))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _prepare(self) -> None:
        """Work out the optimum beside what goes on, of which nothing is said twice."""
        await asyncio.to_thread(self.feed.view.prepare)
        self.feed.version += 1

    def restart(self) -> None:
        """What is watched cannot begin anew."""

    async def _listen(self) -> None:
        while True:
            try:
                async with self._endpoint.client(f"{self._topics.market}-watch", mailbox=_mailbox) as client:
                    wanted = (self._topics.every_board, self._topics.every_presence, self._topics.control)
                    await client.subscribe([*((topic, 1) for topic in wanted), (self._topics.every_trace, 0)])
                    await self._read(client)
            except aiomqtt.MqttError as error:
                self._lose(error)
                await asyncio.sleep(RETRY_S)

    def _lose(self, error: aiomqtt.MqttError) -> None:
        if self.feed.state == "ended":
            return
        if self.feed.state != "lost" and self._say:
            self._say(f"the broker {self._broker} does not answer ({error}); trying again until it does")
        self.feed.state, self.feed.note = "lost", f"the broker does not answer ({error}); trying again"

    async def _read(self, client: aiomqtt.Client) -> None:
        if self.feed.state == "lost" and self._say:
            self._say(f"connected to the broker {self._broker}")
        self._say_who_is_there()
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            with contextlib.suppress(RejectedError, *MALFORMED):
                self.take(message.topic.value, payload, is_retained=message.retain)

    def take(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """Take in a message; what is retained was said before this came.

        Raises
        ------
        RejectedError, msgspec.MsgspecError
            If it is malformed.
        """
        match self._topics.parse(topic):
            case Control() if payload == STOP:
                self._stop()
            case Control() if payload == OPEN and is_retained:
                self._come_late()
            case Control() if payload == OPEN:
                self._open()
            case Presence(host) if payload:
                self._note_presence(host, *decode_presence(payload))
            case Board(poster) if payload:
                self._post(poster, payload)
            case TraceOf(host):
                self._hear(host, payload)

    def _come_late(self) -> None:
        """The market was open before this came: no gap, utility or optimum can be told from what comes now."""
        if self._opened_at is None:
            self._disbelieve(LATE)
        else:
            self._flaw = AWAY

    def _open(self) -> None:
        """Forget a market of this name that is over: another has begun."""
        if self.feed.state == "ended" and self._folder is None:
            self._homes.clear()
            self._opened_at = None
            self.feed.restart()

    def _stop(self) -> None:
        """Wait for the last words of the hosts, which come when they have heard that the market is over."""
        self._is_stopping = self.feed.state == "running" and self._folder is None
        self._end_if_all_have_left()

    def _end_if_all_have_left(self, *, is_late: bool = False) -> None:
        if self._is_stopping and (is_late or not self._present):
            self._is_stopping = False
            self.feed.end()
            self.feed.note = "the market is over; what was lost on the way here is not in these figures"

    async def _end_in_time(self) -> None:
        """Wait for no host that went without a word."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._is_stopping:
                await asyncio.sleep(LEAVE_S)
                self._end_if_all_have_left(is_late=True)

    def _note_presence(self, host: str, word: str, life: bytes) -> None:
        if word != OFFLINE:
            self._lives[host] = life
            self._present.add(host)
        elif self._lives.get(host) == life:
            self._present.discard(host)
            self._end_if_all_have_left()
        self._say_who_is_there()

    def _say_who_is_there(self) -> None:
        count = len(self._present)
        if self.feed.state == "ended":
            return
        here = counted(count, "host") + " connected" if count else f"no host of market {self._topics.market} is there"
        self.feed.note = f"{here}; {self._flaw}" if self._flaw else here
        if self.feed.state == "lost":
            self.feed.state = "running" if self._opened_at is not None else "waiting"

    def _post(self, poster: str, payload: bytes) -> None:
        post = self._opened(poster, payload)
        for name, codec in list(self._codecs.items()):
            with contextlib.suppress(RejectedError):
                life, message = codec.post(post)
                if self._kind is None:
                    self._learn(kinds()[name])
                    self.feed.restart()
                self._posts[poster] = life, message
                try:
                    self.feed.view.post(poster, message)
                except ScenarioError as error:
                    self._disbelieve(f"{error}: {OTHER}")
                self.feed.version += 1
                return

    def _opened(self, poster: str, payload: bytes) -> bytes:
        """The post itself: its signature is checked with the launcher's keys, and taken off without any."""
        if self._seal:
            return self._seal.opened_post(poster, payload)
        try:
            return unsealed(payload)[0]
        except RejectedError:
            return payload

    def _hear(self, host: str, payload: bytes) -> None:
        if self.feed.state == "ended" or self._filter is None:
            return
        batch = self._filter.read(host, payload)
        if batch:
            self.feed.take(list(self._own(batch.records)))

    def _own(self, records: list[Record[Trace]]) -> Iterator[Record[Trace]]:
        """The records of nodes on the hosts on which they were first heard of, in seconds since the opening."""
        for record in records:
            name = node_of(record.node)
            if self._homes.setdefault(name, record.node) != record.node:
                self.dropped[record.node] += 1
                continue
            time_s = max(0.0, record.time_s - self._opening(record.time_s))
            yield msgspec.structs.replace(record, time_s=time_s)

    def _opening(self, time_s: float) -> float:
        """When the market opened, by the clock of its trace: as its folder says, else at the first record."""
        if self._opened_at is None:
            noted = rundir.read_json(self._folder / "manifest.json").get("opened_at_s") if self._folder else None
            self._opened_at = time_s if noted is None else float(noted)
        return self._opened_at

    async def _await_end(self, folder: Path) -> None:
        """Show what the folder has once its results are complete."""
        while rundir.read_json(folder / "manifest.json").get("results") != "complete":  # noqa: ASYNC110 - files have no events
            await asyncio.sleep(LOOK_S)
        self.feed.show_whole(await asyncio.to_thread(whole_view, folder))


def _mailbox(maxsize: int) -> asyncio.Queue[aiomqtt.Message]:
    del maxsize  # that is no bound
    return asyncio.Queue(MOST_WAITING)
