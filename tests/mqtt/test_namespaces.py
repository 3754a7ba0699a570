"""Devices with addresses of their own, each in a network namespace; the cable of one is pulled and plugged in again."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.local.mosquitto import mosquitto_program
from node.trace.psp.ledger import Ledger
from scenarios.markets.registry import read_journal
from tests.conftest import wait_until
from tests.mqtt.devices import BUYER, SELLER, Node

pytestmark = pytest.mark.mosquitto

NAME = f"bidswarm-{os.getpid()}"
BROKER_IP, PORT = "10.203.77.1", 1883
DEVICES = ("shop", "alice", "bob")
KEEPALIVE_S = "2"
QUIET_S = "15"
"""Longer than the 10 s that an attempt to connect may take which began while the cable was out."""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def inside(name: str) -> tuple[str, ...]:
    return ("ip", "netns", "exec", f"{NAME}-{name}")


def cable(name: str, state: str) -> None:
    """Set the broker's end of a device's cable ``up`` or ``down``."""
    ip("-n", f"{NAME}-broker", "link", "set", name, state)


def connect(number: int, name: str) -> None:
    """A device in a namespace of its own, on the switch of the broker's."""
    switch, own = f"{NAME}-broker", f"{NAME}-{name}"
    ip("netns", "add", own)
    ip("-n", switch, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", own)
    ip("-n", switch, "link", "set", name, "master", "switch", "up")
    ip("-n", own, "address", "add", f"10.203.77.{number}/24", "dev", "eth0")
    ip("-n", own, "link", "set", "eth0", "up")


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    """A switch with a broker's host and three devices on it."""
    if shutil.which("ip") is None:
        pytest.skip("NOT TESTED IN NETWORK NAMESPACES: there is no program ip (iproute2)")
    names = [f"{NAME}-{name}" for name in ("broker", *DEVICES)]
    try:
        ip("netns", "add", names[0])
    except subprocess.CalledProcessError as error:
        pytest.skip(f"NOT TESTED IN NETWORK NAMESPACES: {error.stderr.decode().strip()}")
    try:
        ip("-n", names[0], "link", "add", "switch", "type", "bridge")
        ip("-n", names[0], "address", "add", f"{BROKER_IP}/24", "dev", "switch")
        ip("-n", names[0], "link", "set", "switch", "up")
        for number, name in enumerate(DEVICES, start=2):
            connect(number, name)
        yield
    finally:
        for name in names:
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)


@pytest.fixture
def broker(network: None, tmp_path: Path) -> Iterator[str]:
    """A Mosquitto in the broker's namespace; its URL."""
    del network
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(f"listener {PORT} {BROKER_IP}\nallow_anonymous true\nset_tcp_nodelay true\n")
    program = [*inside("broker"), str(mosquitto_program()), "-c", str(configuration)]
    running = subprocess.Popen(program, stderr=subprocess.DEVNULL)
    probe = [*inside("broker"), "sh", "-c", f"ss -ltn | grep -q {BROKER_IP}:{PORT}"]
    wait_until(lambda: subprocess.run(probe, check=False).returncode == 0, "mosquitto listens")
    yield f"mqtt://{BROKER_IP}:{PORT}"
    running.kill()
    running.wait()


@pytest.fixture
def devices(broker: str, tmp_path: Path) -> Iterator[dict[str, Node]]:
    alike = ("--broker", broker, "--keepalive", KEEPALIVE_S)
    roles = {
        "shop": (*SELLER, "--quiet-period", QUIET_S),
        "alice": (*BUYER, "--value-per-mb", "2"),
        "bob": (*BUYER, "--choke-price", "3"),
    }
    nodes = {name: Node(tmp_path / name, *alike, "--host", name, *roles[name], inside=inside(name)) for name in DEVICES}
    yield nodes
    for node in nodes.values():
        if node.process.poll() is None:
            node.kill()


def test_market_settles_although_a_cable_is_pulled(devices: dict[str, Node]) -> None:
    for name in ("alice", "bob"):
        devices[name].wait("tentative")
    cable("alice", "down")
    devices["shop"].wait("voided")
    cable("alice", "up")
    devices["alice"].wait("reconnected")

    assert [node.ended() for node in devices.values()] == [0, 0, 0]
    books = Ledger(
        entry for node in devices.values() for entry in read_journal(node.folder / f"lab-{node.folder.name}.sqlite")
    )
    assert (books.breaches, books.doubts) == ([], [])
    assert {sale.buyer for sale in books.purchases} == {"alice/alice", "bob/bob"}
    assert sum(amounts.quantity for amounts in books.purchases.values()) == pytest.approx(60.0)
