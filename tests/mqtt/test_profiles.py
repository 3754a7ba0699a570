"""The commands over a broker that ``broker init`` set up: they settle, and their secrets stay where they belong."""

import re
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from broker import read_profile
from broker.local.ports import free_port
from broker.own import certificates
from broker.own.init import init
from broker.own.setup import Wishes
from broker.private import write_private
from scenarios.launch.run import run
from tests.conftest import Command, is_running, wait_until
from tests.dask import Cluster
from tests.mqtt.conftest import LONG
from tests.mqtt.plain import PlainClient, SecuredBroker

pytestmark = pytest.mark.mosquitto

WISHES = Wishes(hosts=["alice", "bob"])


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[SecuredBroker]:
    broker = SecuredBroker(tmp_path / "broker", WISHES)
    yield broker
    broker.stop()


def secrets_of(broker: SecuredBroker) -> list[bytes]:
    profile = broker.profile("launcher")
    assert profile.signing
    return [profile.broker.password.encode(), profile.signing.private_key.encode()]


# Runs


def test_a_run_over_tls_settles(secured: SecuredBroker, tmp_path: Path) -> None:
    profile = secured.profile_path("launcher")
    result = run("two-sellers", profile=profile, hosts=2, connections="per-node", out=tmp_path / "runs")

    assert result.summary.status == "settled"
    assert result.summary.sold == pytest.approx(150.0)
    assert result.summary.broker == f"mqtts://launcher@localhost:{secured.port}"
    assert not [name for name in result.counters if name == "reconnects" or name.startswith("rejected")]


def test_no_secret_is_in_a_run_folder_a_log_or_the_list_of_processes(
    secured: SecuredBroker, bidswarm: Callable[..., Command]
) -> None:
    command = bidswarm("run", "two-sellers", "--profile", str(secured.profile_path("launcher")), "--hosts", "2", *LONG)
    command.wait_first_bid()
    pids = [command.process.pid, *command.children("scenarios.launch.worker")]
    seen = [Path(f"/proc/{pid}/{file}").read_bytes() for pid in pids for file in ("cmdline", "environ")]
    command.process.send_signal(signal.SIGINT)
    _, stdout, stderr = command.finished()
    seen += [file.read_bytes() for file in command.out.rglob("*") if file.is_file()]

    assert len(pids) == 3
    assert len(seen) > 8
    everything = b"".join([*seen, stdout.encode(), stderr.encode(), secured.log().encode()])
    assert not [secret for secret in secrets_of(secured) if secret in everything]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--profile", "alice.toml"), 4, "is for the role host, and a run takes the launcher's"),
        (("--profile", "nobody.toml"), 4, "cannot read profile"),
        (("--profile", "launcher.toml", "--broker", "mosquitto"), 2, "give one of them"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused(
    bidswarm: Callable[..., Command], tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    init(tmp_path / "broker", WISHES)
    option, name, *more = arguments
    command = bidswarm("run", "two-sellers", option, str(tmp_path / "broker" / "profiles" / name), *more)
    got, stdout, stderr = command.finished()

    assert (got, stdout) == (code, "")
    assert words in stderr
    assert not command.out.exists()


# bidswarm broker


@pytest.mark.parametrize("wanted", [signal.SIGINT, signal.SIGTERM])
def test_a_broker_is_set_up_served_and_stopped_by_command(
    bidswarm: Callable[..., Command], tmp_path: Path, wanted: signal.Signals
) -> None:
    folder, port = tmp_path / "broker", free_port()
    code, stdout, _ = bidswarm("broker", "init", str(folder), "--host", "alice", "--port", str(port)).finished()
    assert code == 0
    assert f"bidswarm broker up {folder}" in stdout
    assert "alice, launcher" in stdout

    serving = bidswarm("broker", "up", str(folder))
    wait_until(lambda: accepts(folder, "alice"), "the broker accepts alice")
    (watchdog,) = serving.children("watchdog")
    serving.process.send_signal(wanted)
    code, stdout, stderr = serving.finished()

    assert (code, stdout) == (0, "")
    assert re.search(r"New client connected from .* as .*u'alice'", stderr)
    assert stderr.endswith("broker stopped\n")
    assert not is_running(watchdog)


def accepts(folder: Path, name: str) -> bool:
    try:
        return PlainClient(read_profile(folder / "profiles" / f"{name}.toml").address).answer == 0
    except ConnectionRefusedError:
        return False


def test_a_broker_does_not_outlive_its_killed_command(bidswarm: Callable[..., Command], tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    init(folder, Wishes(port=free_port()))
    serving = bidswarm("broker", "up", str(folder))
    wait_until(lambda: accepts(folder, "launcher"), "the broker accepts the launcher")
    (watchdog,) = serving.children("watchdog")
    (mosquitto,) = map(int, Path(f"/proc/{watchdog}/task/{watchdog}/children").read_text().split())
    serving.process.kill()
    wait_until(lambda: not is_running(mosquitto), "the broker is gone")


def test_what_keeps_a_broker_from_starting_is_named(secured: SecuredBroker, bidswarm: Callable[..., Command]) -> None:
    code, _, stderr = bidswarm("broker", "up", str(secured.folder)).finished()
    assert code == 4
    assert f"cannot listen on port {secured.port}" in stderr
    assert "bidswarm broker init --port" in stderr


def test_a_folder_that_init_did_not_make_is_not_served(bidswarm: Callable[..., Command], tmp_path: Path) -> None:
    code, _, stderr = bidswarm("broker", "up", str(tmp_path)).finished()
    assert code == 4
    assert f"{tmp_path} was not made by bidswarm broker init" in stderr


def test_an_expired_certificate_is_not_served(
    secured: SecuredBroker, bidswarm: Callable[..., Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = secured.folder / "tls"
    ca, ca_key, key = ((tls / name).read_text() for name in ("ca.pem", "ca.key", "server.key"))
    monkeypatch.setattr(certificates, "CLOCK_SLACK", timedelta(days=2))
    monkeypatch.setattr(certificates, "SERVER_LIFE", timedelta(days=-1))
    write_private(tls / "server.pem", certificates.new_server(ca, ca_key, key, ["localhost"]))
    code, _, stderr = bidswarm("broker", "up", str(secured.folder)).finished()
    assert code == 4
    assert f"bidswarm broker init {secured.folder} renews it" in stderr


# One market on several machines


def test_parts_join_by_the_profile_of_the_launcher(
    bidswarm: Callable[..., Command], secured: SecuredBroker, tmp_path: Path
) -> None:
    launcher, market = str(secured.profile_path("launcher")), ("--market", "lab")
    run = bidswarm("run", "two-sellers", "--profile", launcher, *market, "--parts", "2")
    where = ("--join", launcher, *market, "--journals", str(tmp_path / "journals"))
    hosts = [bidswarm("host", "two-sellers", *where, "--part", f"{number}/2") for number in (1, 2)]
    for command in (run, *hosts):
        code, stdout, stderr = command.finished()
        assert code == 0, stderr
        assert not [secret for secret in secrets_of(secured) if secret.decode() in stdout + stderr]


def test_the_profile_goes_with_the_parts_to_a_cluster(secured: SecuredBroker, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    try:
        place = f"dask://{cluster.address}"
        result = run("two-sellers", profile=secured.profile_path("launcher"), place=place, out=tmp_path / "runs")
    finally:
        cluster.end()
    assert result.summary.status == "settled"
    assert not [reason for reason in result.counters if reason.startswith("rejected")]
    written = [path for path in tmp_path.rglob("*") if path.is_file() and secured.folder not in path.parents]
    assert not [path for path in written for secret in secrets_of(secured) if secret in path.read_bytes()]
