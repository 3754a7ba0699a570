import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from broker.address import FORM, BrokerAddress, broker_address, without_secret
from broker.capability import check_capability
from broker.errors import BrokerError
from broker.local.children import stop_child
from broker.local.embedded import amqtt_version, start_embedded
from broker.local.mosquitto import mosquitto_program, start_mosquitto
from broker.local.ports import LOOPBACK, require_free
from broker.local.running_broker import RunningBroker

OWN_AT = ("embedded:", "mosquitto:")
"""How a wish begins that a broker which is started here listen on some address."""


def require_broker(spec: str) -> None:
    """Raise BrokerError if the broker cannot be started here, or its URL is none; nothing is started or reached."""
    if spec == "embedded":
        amqtt_version()
    elif spec == "mosquitto":
        mosquitto_program()
    elif spec.startswith(OWN_AT):
        raise BrokerError(
            f"{without_secret(spec)}: a broker started here lets everybody in, so it listens on {LOOPBACK} only; "
            "write embedded or mosquitto alone, or set up one for other machines with bidswarm broker init"
        )
    elif "://" in spec:
        broker_address(spec)
    else:
        raise BrokerError(f"unknown broker {without_secret(spec)!r}: allowed are embedded, mosquitto and {FORM}")


@asynccontextmanager
async def open_broker(
    spec: str | BrokerAddress, *, port: int | None = None, log_dir: Path | None = None
) -> AsyncIterator[RunningBroker]:
    """A broker for the time of the block: started and stopped here, or external and checked first.

    ``spec`` is ``embedded``, ``mosquitto``, ``mqtt[s]://[user[:password]@]host[:port]`` or that as an address; ``port``
    (default: a free one) and ``log_dir`` (which gets ``broker.log``) concern a broker started here. Raises
    ``BrokerError``.
    """
    if isinstance(spec, BrokerAddress):
        yield await _checked(spec, port)
    elif spec in ("embedded", "mosquitto"):
        async with _started(spec, port, log_dir) as broker:
            yield broker
    else:
        require_broker(spec)
        yield await _checked(broker_address(spec), port)


@asynccontextmanager
async def _started(kind: str, port: int | None, log_dir: Path | None) -> AsyncIterator[RunningBroker]:
    if port is not None:
        require_free(port)
    with tempfile.TemporaryDirectory(prefix="bidswarm-broker-", ignore_cleanup_errors=True) as folder:
        log = _log_file(log_dir or Path(folder))
        if kind == "embedded":
            broker = await start_embedded(port, log)
        else:
            broker = await start_mosquitto(port, Path(folder), log)
        try:
            yield broker
        finally:
            assert broker.process is not None
            await stop_child(broker.process)


async def _checked(address: BrokerAddress, port: int | None) -> RunningBroker:
    if port is not None:
        raise BrokerError(f"--port is for a broker started here: write the port into the URL, as in {address.url}")
    await check_capability(address)
    return RunningBroker("external", "external", address)


def _log_file(folder: Path) -> Path:
    log = folder / "broker.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log.touch()
    except OSError as error:
        raise BrokerError(f"cannot write {log} ({error.strerror}): choose another folder for logs") from None
    return log
