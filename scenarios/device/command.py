"""What ``bidswarm node`` does: a device, its signals, and what it tells in the end."""

import asyncio
import contextlib
import math
import signal
from collections.abc import Iterator, Sequence
from types import FrameType

from node.protocol.journal import JournalEntry
from node.protocol.psp.journal import Accepted, Agreement, Bought, Sold
from node.protocol.psp.seller import Seller
from node.runtime.mqtt.host import Clock
from node.runtime.mqtt.loop import event_loop
from scenarios.console import INTERRUPTED, SETTLED, UNSETTLED
from scenarios.device.device import Device, build
from scenarios.device.formats import LogFormat
from scenarios.device.narrator import Teller, teller_of
from scenarios.device.schema import NodeFile
from scenarios.device.session import Ending, Trading
from scenarios.metrics.exporter import exported
from scenarios.metrics.meter import Meter

OUTCOMES = {
    Ending.finished: "the auctions are over",
    Ending.sent_home: "the launcher has ended the market",
    Ending.left: "left",
    Ending.timeout: "not over in time",
}


def run(settings: NodeFile, log_format: LogFormat) -> int:
    """Carry the node until it ends; the exit code.

    Raises
    ------
    BrokerError, ScenarioError, JournalError
        If it cannot begin or go on; the text says what to do about it.
    """
    device = build(settings)
    meter = Meter()
    meter.expect([device.address] if settings.role == "seller" else [])
    meter.count(device.host.name, device.host.counters)
    clock = Clock(0.0)  # journals of several devices are read together: all count from the same instant
    with contextlib.closing(teller_of(log_format)) as teller:
        trading = Trading(device, settings, teller, meter, clock)
        with (
            exported(meter, settings.metrics_port, settings.metrics_address, **_labels(device, settings)) as port,
            _signals(trading) as caught,
            asyncio.Runner(loop_factory=event_loop) as runner,
        ):
            if port:
                teller.tell("metrics", clock(), url=f"http://{settings.metrics_address}:{port}/metrics")
            ending = runner.run(trading.run())
        _tell_end(teller, clock(), device, trading.written, ending)
    if ending is Ending.left:
        return INTERRUPTED if signal.SIGINT in caught else SETTLED
    return UNSETTLED if ending is Ending.timeout else SETTLED


def _labels(device: Device, settings: NodeFile) -> dict[str, str]:
    return {"market": settings.market, "role": settings.role, "node": device.address}


@contextlib.contextmanager
def _signals(trading: Trading) -> Iterator[list[int]]:
    """SIGTERM and Ctrl-C ask the node to leave; the second one ends it at once."""
    caught: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        caught.append(number)
        trading.ask_to_leave("Ctrl-C" if number == signal.SIGINT else "SIGTERM")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, ask)
    yield caught


def _tell_end(teller: Teller, now: float, device: Device, lines: Sequence[JournalEntry], ending: Ending) -> None:
    """Say what was traded, in all lives of the node."""
    entries = [line.entry for line in lines]
    traded = [one for one in entries if isinstance(one, Sold | Bought)]
    teller.tell(
        "finished",
        now,
        outcome=OUTCOMES[ending],
        done="sold" if isinstance(device.machine, Seller) else "bought",
        mb=math.fsum(one.quantity_mb for one in traded),
        money=math.fsum(one.charge_money for one in traded),
        in_doubt=sum(1 if isinstance(one, Accepted) else -1 for one in entries if isinstance(one, Agreement)),
        journal=str(device.journal),
    )
