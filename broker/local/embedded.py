import subprocess
from pathlib import Path

from broker.address import BrokerAddress
from broker.errors import BrokerError
from broker.local.children import start_child
from broker.local.ports import LOOPBACK
from broker.local.running_broker import RunningBroker


async def start_embedded(port: int | None, log: Path) -> RunningBroker:
    """An amqtt broker in a process of its own on a loopback port; ``BrokerError`` if amqtt is missing or fails."""
    installed = amqtt_version()
    process, (pid, actual_port) = await start_child("embedded_process.py", str(port or 0), log=log)

    async def start_again() -> tuple[subprocess.Popen[bytes], int]:
        again, (pid, _) = await start_child("embedded_process.py", str(actual_port), log=log)
        return again, pid

    address = BrokerAddress(LOOPBACK, actual_port)
    return RunningBroker("embedded", f"amqtt {installed}", address, pid, process, start_again)


def amqtt_version() -> str:
    """The version of amqtt; ``BrokerError`` if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - costs a node, which asks for none, a megabyte

    try:
        return version("amqtt")
    except PackageNotFoundError:
        raise BrokerError(
            "the embedded broker needs amqtt: pip install 'bidswarm[broker]', or use --broker mosquitto or a URL"
        ) from None
