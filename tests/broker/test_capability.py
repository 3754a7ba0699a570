import asyncio
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import aiomqtt
import pytest

from broker import BrokerAddress, BrokerError, RunningBroker, capability, client, open_broker
from broker.local.ports import free_port
from tests.conftest import DEADLINE_S

Connect = Callable[[BrokerAddress], aiomqtt.Client]
Start = Callable[[str], Awaitable[int]]
PASSWORD = "s3cret/word"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(file), "anna", PASSWORD], check=True, capture_output=True)
    return file


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short wait, for tests in which the answer never comes."""
    monkeypatch.setattr(capability, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(client, "TIMEOUT_S", 0.5)


async def refusal(url: str, port: int | None = None) -> str:
    with pytest.raises(BrokerError) as caught:
        async with open_broker(url, port=port):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.asyncio
async def test_running_broker_is_usable_by_url(broker: RunningBroker) -> None:
    async with open_broker(broker.address.url) as external:
        assert (external.kind, external.version, external.pid) == ("external", "external", None)
        assert external.address == broker.address
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(external.wait_died(), 0)


@pytest.mark.asyncio
async def test_check_leaves_no_retained_message(broker: RunningBroker, connect: Connect) -> None:
    async with open_broker(broker.address.url), connect(broker.address) as client:
        await client.subscribe("bidswarm/#", qos=1)
        await client.publish("bidswarm/marker", b"marker", qos=1)
        async with asyncio.timeout(DEADLINE_S):
            assert (await anext(aiter(client.messages))).topic.value == "bidswarm/marker"


@pytest.mark.asyncio
@pytest.mark.parametrize("spec", ["embedded://0.0.0.0", "mosquitto://192.168.1.5:1883"])
async def test_broker_started_here_listens_on_no_other_address(spec: str) -> None:
    assert await refusal(spec) == (
        f"{spec}: a broker started here lets everybody in, so it listens on 127.0.0.1 only; "
        "write embedded or mosquitto alone, or set up one for other machines with bidswarm broker init"
    )


@pytest.mark.asyncio
async def test_refused_connection_is_named() -> None:
    unused_port = free_port()
    text = await refusal(f"mqtt://127.0.0.1:{unused_port}")
    assert f"127.0.0.1:{unused_port} cannot be reached" in text
    assert "start the broker there" in text


@pytest.mark.asyncio
async def test_unknown_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "nowhere.invalid:1883: no such host is known" in await refusal("mqtt://nowhere.invalid")


@pytest.mark.asyncio
@pytest.mark.usefixtures("impatient")
async def test_server_that_is_no_broker_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert f"127.0.0.1:{port} is not usable as an MQTT 3.1.1 broker" in await refusal(f"mqtt://127.0.0.1:{port}")


@pytest.mark.asyncio
async def test_port_beside_a_url_is_refused() -> None:
    assert "write the port into the URL" in await refusal("mqtt://127.0.0.1:1883", port=1884)


@pytest.mark.asyncio
@pytest.mark.mosquitto
async def test_right_password_is_accepted_and_a_wrong_one_never_shown(
    configured_mosquitto: Start, password_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = await configured_mosquitto(f"password_file {password_file}")
    async with open_broker(f"mqtt://anna:s3cret%2Fword@127.0.0.1:{port}") as external:
        assert external.address.password == PASSWORD
        assert "s3cret" not in repr(external)
    text = await refusal(f"mqtt://anna:wr0ng@127.0.0.1:{port}")
    assert f"127.0.0.1:{port} refuses the login of 'anna'" in text
    assert "wr0ng" not in text + caplog.text


@pytest.mark.asyncio
@pytest.mark.mosquitto
async def test_missing_login_is_named(configured_mosquitto: Start, password_file: Path) -> None:
    port = await configured_mosquitto(f"password_file {password_file}")
    assert f"write mqtt://user:password@127.0.0.1:{port}" in await refusal(f"mqtt://127.0.0.1:{port}")


@pytest.mark.asyncio
@pytest.mark.mosquitto
async def test_rules_per_user_of_the_protocol_are_enough(
    configured_mosquitto: Start, password_file: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "acl"
    rules.write_text(
        "pattern read bidswarm/v1/+/inbox/%u/+\npattern write bidswarm/v1/+/inbox/+/%u\n"
        "pattern readwrite bidswarm/v1/+/board/%u/#\npattern readwrite bidswarm/v1/+/presence/%u\n"
        "pattern read bidswarm/v1/+/board/#\npattern read bidswarm/v1/+/presence/#\n"
    )
    port = await configured_mosquitto(f"password_file {password_file}\nacl_file {rules}")
    async with open_broker(f"mqtt://anna:s3cret%2Fword@127.0.0.1:{port}") as external:
        assert external.kind == "external"


@pytest.mark.asyncio
@pytest.mark.mosquitto
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        ("topic read bidswarm/#", "deliver a QoS 1 message to a '+' subscription"),
        ("topic bidswarm/v1/+/inbox/#", "deliver a retained message to a '#' subscription"),
        ("topic bidswarm/v1/+/inbox/#\ntopic bidswarm/v1/+/board/#", "deliver the last will of a lost client"),
    ],
)
async def test_missing_service_is_named(configured_mosquitto: Start, tmp_path: Path, rules: str, missing: str) -> None:
    (tmp_path / "acl").write_text(rules + "\n")
    port = await configured_mosquitto(f"allow_anonymous true\nacl_file {tmp_path / 'acl'}")
    text = await refusal(f"mqtt://127.0.0.1:{port}")
    assert f"127.0.0.1:{port} does not {missing}" in text
    assert "docs/protocol.md" in text


@pytest.mark.asyncio
@pytest.mark.mosquitto
@pytest.mark.usefixtures("impatient")
async def test_broker_without_retained_messages_is_refused(configured_mosquitto: Start) -> None:
    port = await configured_mosquitto("allow_anonymous true\nretain_available false")
    assert "does not deliver a retained message" in await refusal(f"mqtt://127.0.0.1:{port}")


@pytest.mark.asyncio
async def test_refused_subscription_is_an_error() -> None:
    class RefusingClient:
        async def subscribe(self, _: str, qos: int) -> tuple[int]:
            return (0x80 | (qos - 1),)

    with pytest.raises(aiomqtt.MqttError, match="subscription to m/# refused"):
        await capability.subscribe(cast("aiomqtt.Client", RefusingClient()), "m/#")
