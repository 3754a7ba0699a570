import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import aiomqtt
import pytest

from broker import BrokerAddress, BrokerError, RunningBroker, open_broker
from broker import open as opening
from broker.local import mosquitto
from broker.local.ports import free_port
from tests.conftest import DEADLINE_S

Alive = Callable[[int], bool]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]

LAUNCHER = """
import asyncio, sys
from broker import open_broker
from tests.conftest import DEADLINE_S

async def main():
    async with open_broker(sys.argv[1]) as broker:
        print(broker.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def process_id(running: RunningBroker) -> int:
    assert running.pid is not None
    return running.pid


def entries(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.asyncio
async def test_process_and_temporary_folder_are_gone_after_the_block(
    kind: str, alive: Alive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with open_broker(kind) as running:
        assert alive(process_id(running))
        assert running.kind == kind
        assert any(character.isdigit() for character in running.version)
        assert entries(tmp_path)
    assert not alive(process_id(running))
    assert not entries(tmp_path)


@pytest.mark.asyncio
async def test_process_is_gone_after_an_exception(kind: str, alive: Alive) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_broker(kind) as running:
            raise ZeroDivisionError
    assert not alive(process_id(running))


@pytest.mark.asyncio
async def test_process_is_gone_after_cancellation(kind: str, alive: Alive) -> None:
    opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def hold() -> None:
        async with open_broker(kind) as running:
            opened.set_result(process_id(running))
            await asyncio.Event().wait()

    holder = asyncio.create_task(hold())
    pid = await opened
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    assert not alive(pid)


@pytest.mark.asyncio
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
async def test_broker_dies_with_a_killed_launcher(
    kind: str, alive: Alive, eventually: Eventually, tmp_path: Path
) -> None:
    launcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LAUNCHER, kind),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"TMPDIR": str(tmp_path)},  # a killed launcher cannot remove its temporary folder
    )
    assert launcher.stdout is not None
    pid = int(await launcher.stdout.readline())
    assert alive(pid)
    launcher.kill()
    await launcher.wait()
    await eventually(lambda: not alive(pid))


@pytest.mark.asyncio
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
async def test_wait_died_notices_a_killed_broker(kind: str, alive: Alive) -> None:
    async with open_broker(kind) as running:
        os.kill(process_id(running), signal.SIGKILL)
        async with asyncio.timeout(DEADLINE_S):
            assert await running.wait_died() != 0
    assert not alive(process_id(running))


@pytest.mark.asyncio
@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent to a process group on POSIX")
async def test_embedded_broker_survives_sigint_and_ends_with_sigterm(
    connect: Callable[[BrokerAddress], aiomqtt.Client],
) -> None:
    async with open_broker("embedded") as running:
        os.kill(process_id(running), signal.SIGINT)
        async with connect(running.address) as client:
            await client.publish("m/control", b"still here", qos=1)
        os.kill(process_id(running), signal.SIGTERM)
        async with asyncio.timeout(DEADLINE_S):
            assert await running.wait_died() == -signal.SIGTERM


@pytest.mark.asyncio
@pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")
async def test_broker_is_outside_the_terminals_process_group(kind: str) -> None:
    async with open_broker(kind) as running:
        assert os.getpgid(process_id(running)) != os.getpgid(0)


@pytest.mark.asyncio
async def test_two_embedded_brokers_are_separate(connect: Callable[[BrokerAddress], aiomqtt.Client]) -> None:
    async with open_broker("embedded") as one, open_broker("embedded") as other:
        assert one.address.port != other.address.port
        async with connect(one.address) as left, connect(other.address) as right:
            await right.subscribe("m/#", qos=1)
            await left.publish("m/inbox/b/a", b"one", qos=1)
            await right.publish("m/inbox/b/a", b"other", qos=1)
            async with asyncio.timeout(DEADLINE_S):
                assert (await anext(aiter(right.messages))).payload == b"other"


@pytest.mark.asyncio
async def test_given_port_is_used_and_the_log_goes_to_the_given_folder(kind: str, tmp_path: Path) -> None:
    port = free_port()
    async with open_broker(kind, port=port, log_dir=tmp_path / "logs") as running:
        assert running.address == BrokerAddress("127.0.0.1", port)
    assert (tmp_path / "logs" / "broker.log").is_file()


@pytest.mark.asyncio
async def test_taken_port_is_named_with_the_remedy(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"127.0.0.1:{port} .*another --port"):
            async with open_broker(kind, port=port):
                pass


@pytest.mark.asyncio
async def test_log_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match=r"cannot write .*broker\.log"):
        async with open_broker("embedded", log_dir=tmp_path / "file"):
            pass


@pytest.mark.asyncio
async def test_missing_mosquitto_is_reported_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(mosquitto, "USUAL_FOLDERS", ())
    with pytest.raises(BrokerError, match=r"apt install mosquitto.*--broker embedded"):
        async with open_broker("mosquitto"):
            pass


@pytest.mark.asyncio
async def test_missing_amqtt_is_reported_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(BrokerError, match=r"pip install 'bidswarm\[broker\]'"):
        async with open_broker("embedded"):
            pass


@pytest.mark.asyncio
@pytest.mark.mosquitto
async def test_start_that_fails_reports_the_last_line_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosquitto, "CONFIGURATION", "listener {port} 127.0.0.1\nnonsense true\n")
    with pytest.raises(BrokerError, match=r"did not start: .*nonsense"):
        async with open_broker("mosquitto", port=free_port()):
            pass


@pytest.mark.asyncio
async def test_port_taken_at_the_last_moment_is_reported(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "require_free", lambda _: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(BrokerError, match=r"did not start: .*[Aa]ddress already in use"):
            async with open_broker(kind, port=taken.getsockname()[1]):
                pass


@pytest.mark.asyncio
@pytest.mark.mosquitto
async def test_free_port_taken_meanwhile_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ports = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr(mosquitto, "free_port", lambda: next(ports))
        async with open_broker("mosquitto") as running:
            assert running.address.port != taken.getsockname()[1]


@pytest.mark.asyncio
@pytest.mark.parametrize("spec", ["", "amqtt", "Embedded", "localhost:1883"])
async def test_unknown_spec_is_named_with_what_is_allowed(spec: str) -> None:
    with pytest.raises(BrokerError, match="allowed are embedded, mosquitto and mqtt://") as caught:
        async with open_broker(spec):
            pass
    assert repr(spec) in str(caught.value)
