import asyncio
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import aiomqtt

from broker.address import BrokerAddress
from broker.client import mqtt_client
from broker.errors import BrokerError
from broker.local.children import START_TIMEOUT_S, start_child, start_failure, stop_child
from broker.local.ports import LOOPBACK, free_port
from broker.local.running_broker import RunningBroker

# Where packages put it although PATH often lacks the folder: Debian and macOS for plain users, Windows for all.
USUAL_FOLDERS = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
    "/usr/local/opt/mosquitto/sbin",
    "C:\\Program Files\\mosquitto",
)
ATTEMPTS = 3
RETRY_S = 0.02
# Nothing is stored and nothing is dropped for being many: a lost bid would look like a fault of the auction.
CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
persistence false
max_inflight_messages 0
max_queued_messages 0
message_size_limit 2097152
max_packet_size 8388608
sys_interval 0
connection_messages false
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


async def start_mosquitto(port: int | None, folder: Path, log: Path) -> RunningBroker:
    """An installed Mosquitto on a loopback port, ready for clients; ``BrokerError`` if it is missing or fails."""
    program = mosquitto_program()
    version = await asyncio.to_thread(_version, program)
    attempts = 1 if port else ATTEMPTS
    while True:
        attempts -= 1
        address = BrokerAddress(LOOPBACK, port or free_port())
        try:
            process, pid = await _start(program, address, folder, log)
        except BrokerError:
            if not attempts:
                raise  # else another program took the free port first: Mosquitto cannot bind port 0
        else:
            start_again = partial(_start, program, address, folder, log)
            return RunningBroker("mosquitto", version, address, pid, process, start_again)


def mosquitto_program() -> str:
    """The path of the installed Mosquitto; ``BrokerError`` with the remedy if there is none."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(USUAL_FOLDERS))
    if program is None:
        raise BrokerError(
            "mosquitto is not installed: apt install mosquitto, or brew install mosquitto, or use --broker embedded"
        )
    return program


async def _start(program: str, address: BrokerAddress, folder: Path, log: Path) -> tuple[subprocess.Popen[bytes], int]:
    configuration = folder / "mosquitto.conf"
    configuration.write_text(CONFIGURATION.format(port=address.port), encoding="utf-8")
    process, (pid,) = await start_child("watchdog.py", program, "-c", str(configuration), log=log)
    try:
        await _wait_accepting(address, process, log)
    except BaseException:  # a cancelled start leaves no process either
        await stop_child(process)
        raise
    return process, pid


async def _wait_accepting(address: BrokerAddress, process: subprocess.Popen[bytes], log: Path) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while process.poll() is None:
                try:
                    async with mqtt_client(address):
                        return
                except aiomqtt.MqttError:
                    await asyncio.sleep(RETRY_S)
    except TimeoutError:
        raise BrokerError(f"mosquitto accepted no connection within {START_TIMEOUT_S:.0f} s; see its log") from None
    raise start_failure(log)


def _version(program: str) -> str:
    answer = subprocess.run([program, "-h"], capture_output=True, text=True, check=False, timeout=START_TIMEOUT_S)  # noqa: S603
    first_line = answer.stdout.partition("\n")[0].strip()
    return first_line.replace("version ", "") or "mosquitto (unknown version)"
