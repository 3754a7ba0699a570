"""One node in a market, from its connection to its end."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from aiomqtt.exceptions import MqttConnectError

from broker import BrokerError
from broker.capability import is_refused, reached, refusal
from node.protocol.journal import JournalEntry
from node.protocol.machine import MarketEvent, Restored
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.journal import Ended, ExchangeEntry, Sold
from node.protocol.trace import Record, Trace
from node.runtime.journal import Journal
from node.runtime.mqtt.host import Clock, MqttHost
from node.runtime.mqtt.task_groups import first_error
from scenarios.broker_link import endpoint_of
from scenarios.device.device import Device
from scenarios.device.narrator import Narrator, Teller
from scenarios.device.schema import NodeFile
from scenarios.metrics.meter import Meter
from scenarios.words import counted

LOOK_S = 0.1
LEAVE_S = 10.0
"""How long a node that is told to leave waits for missing answers, seconds."""

ASK_AGAIN_S = 5.0
"""Pause between two diagnoses of a lost connection, seconds."""


class Ending(Enum):
    """How it ended."""

    finished = auto()
    sent_home = auto()
    left = auto()
    timeout = auto()


class _ToldJournal(Journal):
    """A journal that says what is written in it."""

    def __init__(self, path: Path, tell: Callable[[list[JournalEntry]], None]) -> None:
        super().__init__(path, "psp", ExchangeEntry)
        self._tell = tell

    def append(self, entries: Iterable[JournalEntry]) -> None:
        """Write the entries down, then tell them."""
        written = list(entries)
        super().append(written)
        self._tell(written)


@dataclass(slots=True)
class _Quiet:
    """When the host last received something, and how many messages it had received by then."""

    since_s: float
    received: int


_NOTHING = Restored(0, ())


class Trading:
    """Runs a device until its auctions are over, somebody tells it to go, or its time is up.

    Attributes
    ----------
    written
        What stands in the journal of the node, once it has ended.
    """

    def __init__(self, device: Device, settings: NodeFile, teller: Teller, meter: Meter, clock: Clock) -> None:
        self._device = device
        self._settings = settings
        self._teller = teller
        self._narrator = Narrator(teller)
        self._meter = meter
        self._clock = clock
        self._began_s = self._clock()
        self.written: tuple[JournalEntry, ...] = ()
        self._asked_why: str | None = None
        self._driver: MqttHost | None = None
        self._ending: Ending | None = None
        self._refusal: str | None = None
        self._was_connected = self._has_waited = self._is_open = self._has_sold = False
        self._reconnects = 0
        self._causes: set[str] = set()
        self._diagnosis: asyncio.Task[None] | None = None
        self._lingering: _Quiet | None = None
        self._tentative: dict[str, tuple[float, float]] = {}

    def ask_to_leave(self, why: str) -> None:
        """Have the node take back its bids and go; to be called from a signal handler."""
        self._asked_why = why

    def tell_node(self, event: MarketEvent) -> None:
        """Tell the node what has happened to its user."""
        if self._driver:
            self._driver.tell(self._device.node, event)

    async def run(self) -> Ending:
        """Take part.

        Raises
        ------
        BrokerError
            If the broker refuses the login.
        JournalError
            If the journal cannot be read or written: nothing may be promised then.
        """
        with contextlib.closing(_ToldJournal(self._device.journal, self._entered)) as journal:
            self._remember(journal)
            self._driver = driver = self._driver_of(journal)
            self._meter.watch(driver)
            await self._served(driver)
            self.written = journal.past().get(self._device.address, _NOTHING).entries
        if self._refusal:
            raise BrokerError(self._refusal)
        return self._ending or Ending.sent_home

    def _remember(self, journal: Journal) -> None:
        past = journal.past().get(self._device.address)
        if past:
            self._has_sold = any(isinstance(line.entry, Sold) for line in past.entries)
            self._narrator.was_over = any(isinstance(line.entry, Ended) for line in past.entries)
            self._meter.recall(past.entries)
            self._tell("resumed", life=past.lives + 1)

    async def _served(self, driver: MqttHost) -> None:
        serving = asyncio.create_task(driver.run(), name=self._device.address)
        try:
            while not serving.done():
                self._look(driver)
                await asyncio.wait([serving], timeout=LOOK_S)
            await serving
        except BaseExceptionGroup as group:
            raise first_error(group) from None
        finally:
            if self._diagnosis:
                self._diagnosis.cancel()

    def _driver_of(self, journal: Journal) -> MqttHost:
        device = self._device
        endpoint = replace(endpoint_of(device.broker), keepalive_s=self._settings.keepalive_s)
        return MqttHost(device.host, device.topics, endpoint, self._clock, self._happened, journal)

    # What happens

    def _tell(self, event: str, **fields: object) -> None:
        self._teller.tell(event, self._clock(), **fields)

    def _happened(self, records: list[Record[Trace]]) -> None:
        if self._driver:  # told in the order in which it happened
            self._note_connection(self._driver)
            self._note_opening(self._driver)
        self._meter.take(records)
        self._narrator.records(records)

    def _entered(self, entries: list[JournalEntry]) -> None:
        self._meter.note(entries)
        self._narrator.entries(entries)

    def _look(self, driver: MqttHost) -> None:
        """Look at the host: tell what has changed, and open or leave the market when due."""
        self._note_connection(driver)
        self._note_trouble(driver)
        self._note_tentative()
        self._open_if_due(driver)
        self._note_opening(driver)
        if self._ending is None:
            self._end_if_due(driver)
        self._teller.show(self._status(driver))

    # The connection

    def _note_connection(self, driver: MqttHost) -> None:
        reconnects = self._device.host.counters["reconnects"]
        if self._was_connected and (not driver.is_connected or reconnects > self._reconnects):
            self._tell("disconnected")
        if driver.is_connected and (not self._was_connected or reconnects > self._reconnects):
            self._causes.clear()
            self._greet()
        self._was_connected, self._reconnects = driver.is_connected, reconnects

    def _greet(self) -> None:
        if self._device.host.counters["reconnects"] and self._has_waited:
            self._tell("reconnected")
            return
        self._has_waited = True
        settings = self._settings
        broker = self._device.broker.host_port
        self._tell("connected", broker=broker, node=self._device.address, role=settings.role, market=settings.market)

    def _note_trouble(self, driver: MqttHost) -> None:
        if isinstance(driver.trouble, MqttConnectError) and is_refused(driver.trouble):
            self._refusal = refusal(self._device.broker, driver.trouble)
            driver.stop()
        elif driver.trouble and self._diagnosis is None and self._ending is None:
            self._diagnosis = asyncio.create_task(self._diagnose(), name="diagnosis")

    async def _diagnose(self) -> None:
        """Tell why the broker is not reached, once per cause."""
        try:
            async with reached(self._device.broker):
                pass
        except BrokerError as error:
            if str(error) not in self._causes:
                self._causes.add(str(error))
                self._tell("trouble", cause=str(error))
        await asyncio.sleep(ASK_AGAIN_S)
        self._diagnosis = None

    # The market

    def _note_tentative(self) -> None:
        if not isinstance(self._device.machine, Buyer):
            return
        answers = self._device.machine.answers
        tentative = {seller: (answer.allocation, answer.charge) for seller, answer in answers.items()}
        for seller, (quantity, charge) in tentative.items():
            if (quantity, charge) == self._tentative.get(seller):
                continue
            if quantity:
                self._tell("tentative", peer=seller, mb=quantity, money=charge)
            else:
                self._tell("gets-nothing", peer=seller, price_per_mb=answers[seller].price)
        self._tentative = tentative

    def _open_if_due(self, driver: MqttHost) -> None:
        """Open the market: for a buyer when it has seen all its sellers, for a seller at the first message to it."""
        if driver.is_open or not driver.is_connected:
            return
        is_wanted = isinstance(self._device.machine, Buyer) or self._has_sold
        if driver.is_ready and not self._settings.wait and (is_wanted or self._device.host.counters["received"]):
            driver.open()
        elif not self._device.is_over:
            self._tell_waiting(driver)

    def _note_opening(self, driver: MqttHost) -> None:
        if driver.is_open and not self._is_open:
            self._is_open = True
            self._tell("open")

    def _tell_waiting(self, driver: MqttHost) -> None:
        what = ", ".join(driver.awaited) or ("the launcher" if self._settings.wait else "the first buyer")
        if what not in self._causes:
            self._causes.add(what)
            self._tell("waiting", what=what)

    # The end

    def _end_if_due(self, driver: MqttHost) -> None:
        limit_s = self._settings.timeout_s
        if self._asked_why:
            self._leave(driver, Ending.left, self._asked_why)
        elif limit_s is not None and self._clock() - self._began_s > limit_s:
            self._leave(driver, Ending.timeout, f"not over after {limit_s:g} s")
        elif self._device.is_over and self._has_lingered():
            self._ending = Ending.finished
            driver.stop()

    def _leave(self, driver: MqttHost, ending: Ending, why: str) -> None:
        self._ending = ending
        self._tell("leaving", why=why)
        driver.leave(LEAVE_S)

    def _has_lingered(self) -> bool:
        """Whether a seller has stayed long enough: a buyer whose receipt was lost asks for it again."""
        if isinstance(self._device.machine, Buyer):
            return True
        now, received = self._clock(), self._device.host.counters["received"]
        if self._lingering is None:
            self._tell("lingering", seconds=self._settings.linger_s)
        if self._lingering is None or self._lingering.received != received:
            self._lingering = _Quiet(now, received)
        return now - self._lingering.since_s >= self._settings.linger_s

    def _status(self, driver: MqttHost) -> str:
        counters = self._device.host.counters
        state = "connected" if driver.is_connected else "not connected"
        mb = sum(quantity for quantity, _ in self._tentative.values())
        tentative = f", would get {mb:.6g} MB" if mb else ""
        received = counted(counters["received"], "message")
        return f"{self._device.address}: {state}, {received} in, {counters['sent']} out{tentative}"
