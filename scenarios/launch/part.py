"""One part of a market that a process carries which no launcher started: by hand, or as a job of a cluster.

It does what a worker of the launcher does, but shares with the launcher the broker alone: it publishes its trace, and
its journal is where it runs.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from broker import BrokerAddress, BrokerError
from node.protocol.errors import RejectedError
from node.protocol.topics import Topics
from node.protocol.wire.limits import Limits
from node.protocol.wire.presence import OFFLINE, decode_presence
from node.runtime.keys import Keys
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import LONGEST_BACKOFF_S, LOST, OPEN, STOP, STOP_GRACE_S, Clock, MqttHost
from node.runtime.mqtt.loop import event_loop
from scenarios.broker_link import endpoint_of, seal_of
from scenarios.errors import RunError, ScenarioError
from scenarios.launch.parts import assembly, fingerprint, host_name, parted
from scenarios.launch.placement import build_hosts
from scenarios.launch.worker import edges_of
from scenarios.markets.base import Market
from scenarios.markets.registry import journal_of, read_journal
from scenarios.words import counted

LOST_S = 60.0
"""A launcher that is gone for so long does not come back."""


@dataclass(frozen=True, slots=True)
class Part:
    """The ``number``-th of ``parts`` of a market, and the way to its broker.

    Attributes
    ----------
    topic_market
        What the market is called on the broker.
    journals
        The folder for the journal; one that other machines see, too, if it is to be taken up there.
    patience_s
        How long it waits for the launcher, seconds; without end if None.
    """

    market: Market
    number: int
    parts: int
    topic_market: str
    broker: BrokerAddress
    keys: Keys | None
    journals: Path
    patience_s: float | None = None

    @property
    def name(self) -> str:
        """What its host is called."""
        return host_name(self.number)

    @property
    def journal(self) -> Path:
        """Of this part of this market only: another seed or scenario never takes it up."""
        of = f"{self.number}-of-{self.parts}-{fingerprint(self.market)[:12]}"
        return self.journals / f"{self.topic_market}-{of}.sqlite"


def carry(part: Part, say: Callable[[str], None]) -> None:
    """Carry the part until the launcher ends the market.

    Raises
    ------
    ScenarioError
        If the launcher's market is another one, or what the users agreed to cannot be known.
    BrokerError
        If no broker answers.
    RunError
        If the launcher does not come, or is lost.
    """
    check(part.market, part.number, part.parts)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_carried(part, say))


def check(market: Market, number: int, parts: int) -> None:
    """Raise ScenarioError if the market has no such part."""
    most = market.nodes - len(market.devices) - len(market.companions)
    if not 1 <= parts <= most:
        raise ScenarioError(f"a market with {most} users to deal has 1 to {most} parts, not {parts}: ask for fewer")
    if not 1 <= number <= parts:
        raise ScenarioError(
            f"--part {number}/{parts}: of {parts} parts, the first is 1/{parts}, the last {parts}/{parts}"
        )


async def _carried(part: Part, say: Callable[[str], None]) -> None:
    topics, endpoint = Topics(part.topic_market), endpoint_of(part.broker)
    asks = f"{part.topic_market}-{part.name}-asks"
    try:
        async with asyncio.timeout(part.patience_s), endpoint.client(asks) as client:
            is_in = await _is_let_in(part, topics, client, say)
    except aiomqtt.MqttError as error:
        raise BrokerError(
            f"the broker at {part.broker.url} does not serve {part.name}: {error}; is it running?"
        ) from error
    except TimeoutError:
        raise RunError(f"{part.name}: no launcher of market {part.topic_market} for {part.patience_s:g} s") from None
    if not is_in:
        say(f"{part.name} is not needed: the launcher has ended the market")
        return
    part.journals.mkdir(parents=True, exist_ok=True)
    placement = parted(part.market, part.parts)
    (host,) = build_hosts(part.market, placement, {part.name}, seal_of(topics, part.keys), Limits())
    journal = journal_of(part.market, part.journal)
    edge = edges_of(part.market, placement, [host], None).get(part.name)
    # As devices do: the launcher converts what it hears to seconds of its own clock.
    driver = MqttHost(host, topics, endpoint, Clock(0.0), _told_over_mqtt, journal, edge)
    carried = counted(len(host.machines), "user")
    say(f"{part.name} carries {carried} of market {part.topic_market}; journal: {part.journal}")
    lost = asyncio.create_task(_wait_lost(endpoint, asks, topics.control), name="launcher")
    serves = asyncio.create_task(driver.run(), name=part.name)
    try:
        await asyncio.wait([lost, serves], return_when=asyncio.FIRST_COMPLETED)
        if lost.done():
            driver.leave(STOP_GRACE_S)
        await serves
    finally:
        lost.cancel()
        journal.close()
    if lost.done():
        raise RunError(f"{part.name} has left: the launcher has been gone for {LOST_S:g} s, and nobody ends the market")
    say(f"{part.name} has left: the launcher has ended the market")


def _told_over_mqtt(records: object) -> None:
    """Keep no trace here: the host publishes it, and the launcher writes it down."""
    del records


async def _is_let_in(part: Part, topics: Topics, client: aiomqtt.Client, say: Callable[[str], None]) -> bool:
    """Wait for a word of the launcher that lets this part in, and until no other process carries it.

    False if the launcher ends the market instead.

    Raises
    ------
    ScenarioError
        If the word says that this part does not belong there.
    """
    # In this order: a broker then tells who carries the part before it tells the launcher's word.
    for topic in (topics.presence(part.name), topics.control):
        await client.subscribe(topic, qos=1)
    say(f"{part.name} waits for the launcher of market {part.topic_market}")
    is_taken, word = False, b""
    async for message in client.messages:
        payload = message.payload if isinstance(message.payload, bytes) else b""
        if message.topic.value == topics.control:
            word = payload
        elif is_there(payload) != is_taken:
            is_taken = not is_taken
            if is_taken:
                say(f"another process carries {part.name}: this one begins when that has gone")
        if word == STOP:
            return False
        if not is_taken and is_admitted(part, word):
            return True
    return False


def is_there(presence: bytes) -> bool:
    """Whether a host that says so is there; not if it says nothing, or what nobody understands."""
    with suppress(RejectedError):
        return decode_presence(presence)[0] != OFFLINE
    return False


async def _wait_lost(endpoint: Endpoint, identifier: str, control: str) -> None:
    """Wait until the launcher has been gone for ``LOST_S``."""
    while True:
        with suppress(aiomqtt.MqttError):
            async with endpoint.client(identifier) as client:
                await client.subscribe(control, qos=1)
                return await _stays_lost(client)
        await asyncio.sleep(LONGEST_BACKOFF_S)


async def _stays_lost(client: aiomqtt.Client) -> None:
    is_lost = False
    while True:
        try:
            async with asyncio.timeout(LOST_S if is_lost else None):
                is_lost = (await anext(client.messages)).payload == LOST
        except TimeoutError:
            return


def is_admitted(part: Part, word: bytes) -> bool:
    """Whether the launcher's word lets this part in; not yet, if it is about something else.

    Raises
    ------
    ScenarioError
        If the launcher has another market, or the journal does not fit: users whose journal is lost would not know
        what they agreed to, and one of an earlier market would hold them to what is over.
    """
    if word == OPEN:
        if part.journal.exists():
            return True
        raise ScenarioError(
            f"market {part.topic_market} is open, and {part.journal} is not there: either the launcher has another "
            "scenario, seed or number of parts, or this part has begun elsewhere and its users agreed to what only "
            "that journal knows; start it where the journal is, or name its folder with --journals"
        )
    if not word.startswith(b"parts "):
        return False
    if word != assembly(part.market, part.parts):
        raise ScenarioError(
            f"the launcher of market {part.topic_market} has another market, or deals it to another number of parts: "
            f"give the same SCENARIO, --seed, --set and number of parts (here {part.parts}) as to bidswarm run"
        )
    if part.journal.exists() and read_journal(part.journal):
        raise ScenarioError(
            f"{part.journal} is of an earlier market of this name: remove it, "
            "or give this one another name with --market"
        )
    return True
