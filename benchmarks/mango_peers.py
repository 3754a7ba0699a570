"""The same messages through mango-agents, for comparison; only the extra ``bench`` installs it."""

import asyncio
import random
import time
from typing import Any

import msgspec
from crowd import BUYERS_EACH
from mango import Agent, AgentAddress, activate, create_mqtt_container
from mango.simulation.communication import DelayProviderCommunicationSimulation
from mango.simulation.world import create_world
from metering import Meter
from peers import Driver

from node.protocol.machine import Machine, Message, Opened, Received, Started
from node.protocol.psp.messages import ExchangeMessage
from node.protocol.topics import address
from node.protocol.wire.frames import encode_message
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import Clock
from node.runtime.sim.simulation import LinkModel


class Echo(Agent):  # type: ignore[misc]  # mango's own types are not complete
    """Answers every message with the next of the contents."""

    def __init__(self, contents: list[Any]) -> None:
        super().__init__()
        self.contents = contents
        self.next = 0

    def say(self, to: AgentAddress) -> None:
        self.next = (self.next + 1) % len(self.contents)
        self.schedule_instant_message(self.contents[self.next], to)

    def handle_message(self, content: Any, meta: dict[str, Any]) -> None:  # noqa: ANN401 - whatever was sent
        del content
        self.say(AgentAddress(meta["sender_addr"], meta["sender_id"]))


def mango_simulation(contents: list[Any], agents: int, messages: int, network: LinkModel) -> float:
    """Messages delivered per second of the processor by mango's SimulationWorld; one in flight for each two agents."""
    return asyncio.run(_simulated(contents, agents, messages, network))


async def _simulated(contents: list[Any], agents: int, messages: int, network: LinkModel) -> float:
    draws = random.Random(1)
    delays = DelayProviderCommunicationSimulation(lambda: draws.uniform(network.delay_min_s, network.delay_max_s))
    world = create_world(communication_sim=delays, record_messages=False)
    echoes = [world.register(Echo(contents)) for _ in range(agents)]
    async with world:
        for one, other in zip(echoes[::2], echoes[1::2], strict=True):
            one.say(other.addr)
        begin = time.process_time()
        while world.messages_delivered_count < messages:
            await world.step()
        return world.messages_delivered_count / (time.process_time() - begin)


class MangoNode(Agent, Driver):  # type: ignore[misc]
    """One machine as an agent; what it sends goes the way that mango sends it, with its default quality of service."""

    def __init__(self, own: Machine, placement: dict[str, str], clock: Clock, meter: Meter) -> None:
        Agent.__init__(self)
        Driver.__init__(self, own, clock, meter)
        self._placement = placement

    def handle_message(self, content: Any, meta: dict[str, Any]) -> None:  # noqa: ANN401 - decoded JSON
        sender = meta["sender_id"]
        message = msgspec.convert(content, ExchangeMessage)
        self.handle(Received(address(self._placement[sender], sender), message))

    def send(self, to: str, message: Message) -> None:
        host, _, node = to.partition("/")
        content = msgspec.to_builtins(msgspec.msgpack.decode(encode_message(message)))  # JSON knows no bytes
        self.schedule_instant_message(content, AgentAddress(host, node))

    def post(self, message: Message) -> None:
        """There is no board: every buyer of the auction gets the advert."""
        for k in range(BUYERS_EACH):
            buyer = f"{self.aid.replace('seller', 'buyer')}-{k}"
            self.send(f"{self._placement[buyer]}/{buyer}", message)


async def mango_market(
    machines: dict[str, Machine], own: str, placement: dict[str, str], endpoint: Endpoint, meter: Meter
) -> None:
    """One container called ``own`` with these nodes; trade until cancelled."""
    clock = Clock(0.0)
    container = create_mqtt_container((endpoint.host, endpoint.port), client_id=own, inbox_topic=own)
    nodes = [
        container.register(MangoNode(machine, placement, clock, meter), name) for name, machine in machines.items()
    ]
    async with activate(container):
        await meter.opening()
        for node in nodes:
            node.handle(Started())
        await asyncio.sleep(1.0)  # until the adverts are there
        for node in nodes:
            node.handle(Opened())
        await asyncio.Event().wait()
