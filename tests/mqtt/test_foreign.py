"""A client that knows nothing of this project trades with nodes of it."""

import asyncio
import time
from typing import Any

import pytest

from node.mechanism.valuation import Flat
from node.protocol.host import Host
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.protocol.topics import Topics
from node.protocol.trace import Record
from node.protocol.wire.limits import Limits
from node.runtime.mqtt.endpoint import Endpoint
from node.runtime.mqtt.host import OPEN, Clock, MqttHost
from node.runtime.streams import stream
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import FixedReserve
from tests.conftest import DEADLINE_S
from tests.mqtt.conftest import Mosquitto
from tests.mqtt.foreign import ForeignBuyer
from tests.protocol.codecs import EXCHANGE

TOPICS = Topics("mixed")
TIMING = Timing(clearing_interval_s=0.02, quiet_period_s=0.3, retry_s=0.1)


def hosts() -> list[Host]:
    seller = Seller(10.0, FixedReserve(0.5), TIMING)
    buyer = Buyer(["sh/s"], Flat(8.0, 2.0), OptOut(), TIMING, stream(0, "b", "thinking"))
    return [Host("sh", {"s": seller}, EXCHANGE, limits=Limits()), Host("bh", {"b": buyer}, EXCHANGE, limits=Limits())]


@pytest.mark.mosquitto
@pytest.mark.asyncio
async def test_foreign_buyer_buys_next_to_one_of_ours(mosquitto: Mosquitto) -> None:
    endpoint, records, ours = Endpoint("127.0.0.1", mosquitto.port), list[Record[Any]](), hosts()
    foreign = ForeignBuyer(mosquitto.port, "mixed", "fh", "sh/s", 6.0, 3.0)
    drivers = [MqttHost(host, TOPICS, endpoint, Clock(time.time()), records.extend) for host in ours]
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        for driver in drivers:
            tasks.create_task(driver.run())
        buying = tasks.create_task(asyncio.to_thread(foreign.run, DEADLINE_S))
        async with endpoint.client("opener") as opener:
            await opener.publish(TOPICS.control, OPEN, qos=1, retain=True)
            await buying
            while not any(record.kind == "closed" for record in records):  # noqa: ASYNC110 - a condition of many hosts
                await asyncio.sleep(0.02)
        for driver in drivers:
            driver.stop()

    sold = {
        record.what.buyer: (record.what.quantity_mb, record.what.charge_money)
        for record in records
        if record.kind == "settled"
    }
    assert sold["fh/fh"][0] == 6.0
    assert sold["bh/b"][0] == pytest.approx(4.0)
    assert list(foreign.receipts.values()) == [sold["fh/fh"]]
    assert not [key for host in ours for key in host.counters if key.startswith(("rejected", "throttled"))]
