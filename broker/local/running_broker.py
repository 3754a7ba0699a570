import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from broker.address import BrokerAddress
from broker.local.children import stop_child

POLL_S = 0.1
"""Seconds between two looks at a broker's process: cheap, and soon enough for a person."""


StartAgain = Callable[[], Awaitable[tuple[subprocess.Popen[bytes], int]]]
"""Starts the same broker on the same port; its child, and the process id of the broker itself."""


@dataclass(slots=True)
class RunningBroker:
    """A broker that accepts connections; ``pid`` is the broker's own process, ``None`` for one not started here.

    One started here can be killed and started again on purpose; ``is_down`` between the two.
    """

    kind: Literal["embedded", "mosquitto", "external"]
    version: str
    address: BrokerAddress
    pid: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    start_again: StartAgain | None = field(default=None, repr=False)
    is_down: bool = False

    async def kill(self) -> None:
        """End the broker as a loss of power would: it has no chance to say or store anything."""
        assert self.pid is not None
        assert self.process is not None
        self.is_down = True
        os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows SIGTERM is as hard
        await stop_child(self.process)

    async def restart(self) -> None:
        """Start the broker again, on its port, with nothing retained; ``BrokerError`` if it does not start."""
        assert self.start_again is not None
        self.process, self.pid = await self.start_again()
        self.is_down = False

    async def wait_died(self) -> int:
        """The exit code once the broker's process has ended unasked; one that is external is not watched."""
        if self.process is None:
            await asyncio.Event().wait()
        # Polled, for asyncio's own subprocesses need the proactor loop on Windows, and aiomqtt the selector loop.
        while self.is_down or self.process is None or (code := self.process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        return code
