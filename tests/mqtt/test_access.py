"""What the users of a broker set up by ``broker init`` can and cannot do, with a client that is not ours."""

import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest

from broker.own.init import init
from broker.own.setup import Wishes
from scenarios.broker_link import endpoint_of
from tests.mqtt.plain import PlainClient, SecuredBroker

pytestmark = pytest.mark.mosquitto

M = "bidswarm/v1/market"
FENCE = f"{M}/trace/alice"
WISHES = Wishes(hosts=["alice", "bob"], observers=["eve"])
ACCEPTED, BAD_LOGIN, NOT_AUTHORISED = 0, 134, 135


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    broker = SecuredBroker(tmp_path_factory.mktemp("secured") / "broker", WISHES)
    yield broker
    broker.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[SecuredBroker]:
    """A broker for tests that change it."""
    broker = SecuredBroker(tmp_path / "broker", WISHES)
    yield broker
    broker.stop()


def seen_by(reader: PlainClient, fence: str) -> list[str]:
    """What the reader received before the message to ``fence``."""
    reader.until(lambda: fence in reader.received)
    assert reader.received[-1] == fence
    return reader.received[:-1]


# Connecting


@pytest.mark.parametrize("name", ["alice", "bob", "launcher", "eve"])
def test_every_user_of_the_broker_may_connect(secured: SecuredBroker, name: str) -> None:
    assert secured.client(name).answer == ACCEPTED


def test_nobody_connects_without_tls(secured: SecuredBroker) -> None:
    address = replace(secured.profile("alice").address, tls=False)
    client = PlainClient(address)
    assert client.answer is None


@pytest.mark.parametrize(
    ("username", "password"), [("alice", "guess"), ("mallory", "guess"), ("alice", None), (None, None), ("alice", "")]
)
def test_a_wrong_login_is_refused(secured: SecuredBroker, username: str | None, password: str | None) -> None:
    address = replace(secured.profile("alice").address, username=username, password=password)
    assert PlainClient(address).answer in (BAD_LOGIN, NOT_AUTHORISED)


def test_the_password_of_another_is_refused(secured: SecuredBroker) -> None:
    bobs = secured.profile("bob").address
    assert PlainClient(replace(bobs, username="alice")).answer in (BAD_LOGIN, NOT_AUTHORISED)


def test_a_client_does_not_believe_a_broker_of_another_authority(secured: SecuredBroker, tmp_path: Path) -> None:
    init(tmp_path / "other", WISHES)
    foreign = (tmp_path / "other" / "tls" / "ca.pem").read_text()
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(secured, ssl.create_default_context(cadata=foreign))


def test_tls_older_than_1_2_is_refused(secured: SecuredBroker) -> None:
    context = ssl.create_default_context(cadata=secured.profile("alice").broker.ca)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # or OpenSSL itself would not even ask
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        shake_hands(secured, context)


def test_the_certificate_holds_at_openssls_strictest(secured: SecuredBroker) -> None:
    context = ssl.create_default_context(cadata=secured.profile("alice").broker.ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    shake_hands(secured, context)


def shake_hands(broker: SecuredBroker, context: ssl.SSLContext) -> None:
    with socket.create_connection(("127.0.0.1", broker.port)) as plain:
        context.wrap_socket(plain, server_hostname="127.0.0.1").close()


# Hosts


def test_a_host_does_not_read_the_inbox_of_another(secured: SecuredBroker) -> None:
    filters = ("#", f"{M}/inbox/#", f"{M}/inbox/bob/+", f"{M}/inbox/+/launcher", f"$share/all/{M}/inbox/bob/+")
    alice = secured.client("alice").subscribe(*filters)
    launcher = secured.client("launcher")
    launcher.publish(f"{M}/inbox/bob/launcher")
    launcher.publish(f"{M}/inbox/alice/launcher")
    assert set(seen_by(alice, f"{M}/inbox/alice/launcher")) == set()


def test_a_host_reads_its_inbox_and_what_is_for_all(secured: SecuredBroker) -> None:
    topics = [f"{M}/inbox/alice/bob", f"{M}/board/bob/s", f"{M}/presence/bob", f"{M}/control"]
    alice = secured.client("alice").subscribe(f"{M}/inbox/alice/+", f"{M}/board/#", f"{M}/presence/+", f"{M}/control")
    launcher = secured.client("launcher")
    for topic in topics:
        launcher.publish(topic)
    alice.until(lambda: len(alice.received) == len(topics))
    assert alice.received == topics


@pytest.mark.parametrize(
    "topic",
    [
        f"{M}/inbox/carol/bob",
        f"{M}/inbox/alice/bob",
        f"{M}/board/bob/s",
        f"{M}/presence/bob",
        f"{M}/trace/bob",
        f"{M}/control",
        f"{M}/anything",
        "bidswarm/v1/inbox/bob/alice",
        "elsewhere",
    ],
)
def test_a_host_cannot_write_in_the_name_of_another(secured: SecuredBroker, topic: str) -> None:
    launcher = secured.client("launcher").subscribe("bidswarm/v1/#", "elsewhere")
    alice = secured.client("alice")
    alice.publish(topic)
    alice.publish(FENCE)
    assert seen_by(launcher, FENCE) == []


def test_a_host_writes_in_its_own_name(secured: SecuredBroker) -> None:
    topics = [f"{M}/inbox/bob/alice", f"{M}/board/alice/s", f"{M}/presence/alice"]
    launcher = secured.client("launcher").subscribe("bidswarm/v1/#")
    alice = secured.client("alice")
    for topic in [*topics, FENCE]:
        alice.publish(topic)
    assert seen_by(launcher, FENCE) == topics


def test_the_last_will_of_a_host_does_not_speak_of_another(secured: SecuredBroker) -> None:
    launcher = secured.client("launcher").subscribe(f"{M}/presence/+", FENCE)
    lost = secured.client("alice", "alice-1", will=f"{M}/presence/bob")
    secured.client("alice", "alice-1").publish(FENCE)  # the broker cuts the first one off, and so utters its will
    assert seen_by(launcher, FENCE) == []
    del lost


def test_what_is_larger_than_a_frame_reaches_nobody(secured: SecuredBroker) -> None:
    launcher = secured.client("launcher").subscribe("bidswarm/v1/#")
    alice = secured.client("alice")
    alice.publish(f"{M}/inbox/bob/alice", bytes(1024 * 1024))
    alice.publish(f"{M}/inbox/bob/alice", bytes(1024 * 1024 + 128 * 1024))
    alice.publish(FENCE)
    assert seen_by(launcher, FENCE) == [f"{M}/inbox/bob/alice"]


def test_a_packet_much_larger_than_a_frame_ends_the_connection(secured: SecuredBroker) -> None:
    alice = secured.client("alice")
    assert not alice.publish(f"{M}/inbox/bob/alice", bytes(9 * 1024 * 1024))
    assert secured.client("alice").publish(f"{M}/inbox/bob/alice")


# Observers and launchers


def test_an_observer_reads_what_is_public_and_no_inbox(secured: SecuredBroker) -> None:
    public = [f"{M}/board/bob/s", f"{M}/presence/bob", f"{M}/trace/bob", f"{M}/control"]
    eve = secured.client("eve").subscribe("#")
    launcher = secured.client("launcher")
    for topic in (f"{M}/inbox/bob/launcher", f"{M}/inbox/eve/launcher", *public):
        launcher.publish(topic)
    eve.until(lambda: public[-1] in eve.received)
    assert eve.received == public


def test_an_observer_writes_nothing(secured: SecuredBroker) -> None:
    launcher = secured.client("launcher").subscribe("bidswarm/v1/#")
    eve = secured.client("eve")
    for topic in ("inbox/bob/eve", "inbox/eve/eve", "board/eve/s", "presence/eve", "trace/eve", "control"):
        eve.publish(f"{M}/{topic}")
    secured.client("alice").publish(FENCE)
    assert seen_by(launcher, FENCE) == []


def test_a_launcher_leaves_other_topics_alone(secured: SecuredBroker) -> None:
    launcher = secured.client("launcher").subscribe("#")
    launcher.publish("elsewhere")
    launcher.publish("bidswarm/v2/market/control")
    launcher.publish(FENCE)
    assert seen_by(launcher, FENCE) == []


# Identifiers


@pytest.mark.asyncio
async def test_nobody_cuts_a_host_off_by_taking_its_identifier(secured: SecuredBroker) -> None:
    endpoint = endpoint_of(secured.profile("alice").address)
    async with endpoint.client("market-alice") as alice:
        eve = secured.client("eve", "market-alice")
        await alice.publish(FENCE, qos=1)
        assert eve.answer == ACCEPTED


@pytest.mark.asyncio
async def test_a_host_that_was_started_anew_takes_the_place_of_its_old_connection(secured: SecuredBroker) -> None:
    endpoint = endpoint_of(secured.profile("alice").address)
    async with endpoint.client("market-alice") as old, endpoint.client("market-alice"):
        with pytest.raises(aiomqtt.MqttError):
            async for _ in old.messages:
                pass


# The life of a broker


def test_a_restarted_broker_keeps_the_boards(own: SecuredBroker) -> None:
    board = f"{M}/board/alice/s"
    own.client("alice").publish(board, retain=True)
    own.stop()
    own.start()
    bob = own.client("bob").subscribe(f"{M}/board/#")
    bob.until(lambda: board in bob.received)
    assert bob.received == [board]


def test_a_removed_host_is_locked_out_and_an_added_one_let_in(own: SecuredBroker) -> None:
    alice = own.profile("alice").address
    init(own.folder, Wishes(hosts=["carol"], removed=["alice"]))
    own.stop()
    own.start()
    assert PlainClient(alice).answer in (BAD_LOGIN, NOT_AUTHORISED)
    assert own.client("carol").answer == own.client("bob").answer == ACCEPTED


def test_a_changed_address_is_in_the_certificate_after_a_restart(own: SecuredBroker) -> None:
    init(own.folder, Wishes(addresses=["127.0.0.2"]))
    own.stop()
    own.start()
    assert own.profile("bob").address.host == "127.0.0.2"
    assert own.client("bob").answer == ACCEPTED


def test_no_log_of_the_broker_holds_a_password(secured: SecuredBroker) -> None:
    passwords = [secured.profile(name).broker.password for name in ("alice", "bob", "launcher", "eve")]
    secured.client("alice")
    assert not [password for password in passwords if password in secured.log()]
    assert re.search("u'alice'", secured.log())
