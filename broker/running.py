import asyncio
import subprocess
from dataclasses import dataclass, field
from typing import Literal

from broker.address import BrokerAddress

POLL_S = 0.1
"""Seconds between two looks at a broker's process: cheap, and soon enough for a person."""


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker that accepts connections; ``pid`` is the broker's own process, ``None`` for one not started here."""

    kind: Literal["embedded", "mosquitto", "external"]
    version: str
    address: BrokerAddress
    pid: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    async def wait_died(self) -> int:
        """The exit code once the broker's process has ended; an external broker is not watched: never returns."""
        if self.process is None:
            await asyncio.Event().wait()
        # Polled, for asyncio's own subprocesses need the proactor loop on Windows, and aiomqtt the selector loop.
        while self.process is None or (code := self.process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        return code
