"""The same messages through mango-agents, for comparison; only the extra ``bench`` installs it."""

import asyncio
import random
import time
from typing import Any

from mango import Agent, AgentAddress
from mango.simulation.communication import DelayProviderCommunicationSimulation
from mango.simulation.world import create_world

from node.runtime.simulation import Network


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


def mango_simulation(contents: list[Any], agents: int, messages: int, network: Network) -> float:
    """Messages delivered per second of the processor by mango's SimulationWorld; one in flight for each two agents."""
    return asyncio.run(_simulated(contents, agents, messages, network))


async def _simulated(contents: list[Any], agents: int, messages: int, network: Network) -> float:
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
