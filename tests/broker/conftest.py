import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio

from broker import BrokerAddress, RunningBroker, open_broker
from broker.local.mosquitto import mosquitto_program
from broker.local.ports import free_port
from tests.conftest import DEADLINE_S

MOSQUITTO = pytest.param("mosquitto", marks=pytest.mark.mosquitto)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", ["embedded", MOSQUITTO])


@pytest_asyncio.fixture
async def broker(kind: str) -> AsyncIterator[RunningBroker]:
    async with open_broker(kind) as running:
        yield running


@pytest.fixture
def connect() -> Callable[[BrokerAddress], aiomqtt.Client]:
    def connect(address: BrokerAddress) -> aiomqtt.Client:
        return aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            timeout=DEADLINE_S,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    return connect


@pytest.fixture
def receive() -> Callable[[aiomqtt.Client], Awaitable[aiomqtt.Message]]:
    async def receive(client: aiomqtt.Client) -> aiomqtt.Message:
        async with asyncio.timeout(DEADLINE_S):
            return await anext(aiter(client.messages))

    return receive


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    async def eventually(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - another process is watched: nothing can set an event
                await asyncio.sleep(0.02)

    return eventually


@pytest.fixture
def alive() -> Callable[[int], bool]:
    def alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        stat = Path(f"/proc/{pid}/stat")
        with suppress(OSError):  # a container's init may never reap an orphan: a zombie is dead
            return stat.read_text().rpartition(")")[2].split()[0] != "Z"
        return not stat.parent.parent.joinpath("self").exists()

    return alive


@pytest.fixture
def configured_mosquitto(
    tmp_path: Path, eventually: Callable[[Callable[[], bool]], Awaitable[None]]
) -> Iterator[Callable[[str], Awaitable[int]]]:
    """A Mosquitto with the test's own configuration lines; the port it listens on."""
    processes: list[subprocess.Popen[bytes]] = []

    async def start(configuration: str) -> int:
        port = free_port()
        file = tmp_path / "mosquitto.conf"
        # Where tests run as root, Mosquitto stays root, or it could not read the password file of the test.
        file.write_text(f"listener {port} 127.0.0.1\nuser root\n{configuration}\n")
        processes.append(_spawn([mosquitto_program(), "-c", str(file)]))
        await eventually(lambda: _listens(port))
        return port

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)


def _spawn(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
