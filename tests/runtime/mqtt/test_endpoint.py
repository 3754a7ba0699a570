"""Clients of real brokers."""

import asyncio

import pytest

from broker import open_broker
from node.runtime.mqtt.endpoint import Endpoint

MANY_TURNS = 100
"""More than publishing a small message takes, in turns of the event loop that do not wait."""


@pytest.mark.asyncio
async def test_no_cancellation_of_a_task_that_publishes_is_forgotten() -> None:
    async with open_broker("embedded") as broker:
        endpoint = Endpoint(broker.address.host, broker.address.port)
        async with endpoint.client("publisher") as client:
            for turns in range(MANY_TURNS):
                publishing = asyncio.create_task(client.publish("topic", b"word", qos=0))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if publishing.done():
                    break
                publishing.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await publishing
            assert 2 < turns < MANY_TURNS - 1
