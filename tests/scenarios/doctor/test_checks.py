"""What the doctor finds, each illness once."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from broker import BrokerAddress, client, open_broker, write_profile
from broker import reachability as reaching
from broker.own import certificates
from broker.own.init import init
from broker.own.setup import Wishes
from broker.private import write_private
from scenarios.doctor import checks as doctor
from scenarios.doctor.checks import Check, _access_rules, examine
from tests.conftest import Command
from tests.mqtt.plain import SecuredBroker

NAMES = ["clock", "open files", "broker", "TLS", "login", "services", "limits", "access rules", "round trip"]
WISHES = Wishes(hosts=["alice", "bob"], observers=["eve"])


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    broker = SecuredBroker(tmp_path_factory.mktemp("secured") / "broker", WISHES)
    yield broker
    broker.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short wait, for tests in which the answer never comes."""
    monkeypatch.setattr(client, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(reaching, "TIMEOUT_S", 0.5)


async def checks(address: BrokerAddress, role: str = "host", **options: bool) -> dict[str, Check]:
    return {check.check: check async for check in examine(address, role, **options)}  # type: ignore[arg-type]


def failed(found: dict[str, Check]) -> dict[str, str]:
    return {name: check.text for name, check in found.items() if check.verdict == "failed"}


@pytest.mark.mosquitto
@pytest.mark.parametrize("name", ["alice", "launcher", "eve"])
def test_a_broker_that_init_set_up_passes_for_every_role(
    secured: SecuredBroker, bidswarm: Callable[..., Command], name: str
) -> None:
    code, stdout, stderr = bidswarm(
        "doctor", "--profile", str(secured.profile_path(name)), "--format", "json"
    ).finished()
    report = json.loads(stdout)
    skipped = [check["check"] for check in report["checks"] if check["verdict"] == "skipped"]
    assert [check["check"] for check in report["checks"]] == NAMES
    assert (code, report["ok"], skipped, stderr) == (0, True, ["services", "limits"] if name == "eve" else [], "")


@pytest.mark.mosquitto
def test_an_illness_is_a_line_with_the_remedy_and_exit_code_1(
    secured: SecuredBroker, bidswarm: Callable[..., Command], tmp_path: Path
) -> None:
    profile = secured.profile("alice")
    wrong = msgspec.structs.replace(profile, broker=msgspec.structs.replace(profile.broker, password="guess"))
    write_profile(tmp_path / "alice.toml", wrong)
    code, stdout, stderr = bidswarm("doctor", "--profile", str(tmp_path / "alice.toml")).finished()
    assert (code, stderr) == (1, "")
    assert re.search(r"^failed +login +.* refuses the login of 'alice': check the user name", stdout, re.MULTILINE)
    assert re.search(r"^skipped +round trip ", stdout, re.MULTILINE)
    assert "guess" not in stdout


# Clock and limits


@pytest.mark.asyncio
async def test_a_clock_before_the_authority_was_made_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "CLOCK_SLACK", timedelta(days=-2))  # the authority begins the day after tomorrow
    init(tmp_path / "broker", WISHES)
    ca = (tmp_path / "broker" / "tls" / "ca.pem").read_text()
    found = await checks(BrokerAddress("127.0.0.1", 1, tls=True, ca=ca))
    assert "set the clock" in failed(found)["clock"]


@pytest.mark.asyncio
async def test_a_low_limit_of_open_files_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    found = await checks(BrokerAddress("127.0.0.1", 1))
    assert "at most 64" in failed(found)["open files"]
    assert "ulimit -n" in failed(found)["open files"]


# Connection


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("user", "said"), [(None, "nobody logs in, so"), ("", "'' is no name of a host, so"), ("a b", "'a b' is no name")]
)
async def test_who_does_not_log_in_is_no_user_of_that_name(user: str | None, said: str) -> None:
    verdict, text = await _access_rules(BrokerAddress("127.0.0.1", 1, username=user), "host")
    assert (verdict, text.startswith(said)) == ("failed", True)
    assert "None" not in text


@pytest.mark.asyncio
async def test_a_broker_that_is_not_there_is_named_and_nothing_else_tried() -> None:
    found = await checks(BrokerAddress("127.0.0.1", 1))
    assert failed(found).keys() == {"broker"}
    assert "start the broker there" in failed(found)["broker"]
    assert {found[name].verdict for name in NAMES[3:]} == {"skipped"}


@pytest.mark.mosquitto
@pytest.mark.asyncio
async def test_a_foreign_authority_is_named(secured: SecuredBroker, tmp_path: Path) -> None:
    init(tmp_path / "other", WISHES)
    foreign = (tmp_path / "other" / "tls" / "ca.pem").read_text()
    found = await checks(replace(secured.profile("alice").address, ca=foreign))
    assert "copy the newest profile here" in failed(found)["TLS"]


@pytest.mark.mosquitto
@pytest.mark.asyncio
async def test_an_authority_that_the_system_does_not_know_is_named(secured: SecuredBroker) -> None:
    found = await checks(replace(secured.profile("alice").address, ca=None))
    assert "use --profile" in failed(found)["TLS"]


@pytest.mark.mosquitto
@pytest.mark.asyncio
async def test_a_name_that_the_certificate_is_not_for_is_named(secured: SecuredBroker) -> None:
    found = await checks(replace(secured.profile("alice").address, host="127.0.0.3"))
    assert "bidswarm broker init --address 127.0.0.3" in failed(found)["TLS"]


@pytest.mark.mosquitto
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("slack_days", "life_days", "words"),
    [(2, -1, "has expired"), (-2, 4, "is not valid yet"), (2, 9, "ends in 8 days: run bidswarm broker init again")],
)
async def test_a_certificate_out_of_its_time_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slack_days: int, life_days: int, words: str
) -> None:
    broker = SecuredBroker(tmp_path / "broker", WISHES)
    broker.stop()
    monkeypatch.setattr(certificates, "CLOCK_SLACK", timedelta(days=slack_days))
    monkeypatch.setattr(certificates, "SERVER_LIFE", timedelta(days=life_days))
    tls = broker.folder / "tls"
    ca, ca_key, key = ((tls / name).read_text() for name in ("ca.pem", "ca.key", "server.key"))
    write_private(tls / "server.pem", certificates.new_server(ca, ca_key, key, ["localhost"]))
    broker.start()
    found = await checks(broker.profile("alice").address)
    broker.stop()
    assert words in failed(found)["TLS"]


@pytest.mark.asyncio
@pytest.mark.usefixtures("impatient")
async def test_a_broker_without_tls_is_named_where_the_address_wants_it() -> None:
    async with open_broker("embedded") as running:
        found = await checks(replace(running.address, tls=True))
    assert "does not speak TLS" in failed(found)["TLS"]


@pytest.mark.mosquitto
@pytest.mark.asyncio
@pytest.mark.usefixtures("impatient")
async def test_a_broker_that_wants_tls_is_named_where_the_address_has_none(secured: SecuredBroker) -> None:
    found = await checks(BrokerAddress("127.0.0.1", secured.port))
    assert "speaks TLS only" in failed(found)["login"]


# Rules


@pytest.mark.asyncio
async def test_a_broker_without_rules_fails_although_it_works() -> None:
    async with open_broker("embedded") as running:
        found = await checks(replace(running.address, username="alice", password="any"))
    assert failed(found).keys() == {"access rules"}
    for what in ("post on the board of", "announce the presence of", "speak as somebody", "read the inbox", "launcher"):
        assert what in failed(found)["access rules"]
    assert "bidswarm broker init" in failed(found)["access rules"]


@pytest.mark.asyncio
async def test_a_broker_where_all_trust_each_other_passes_without_the_rules() -> None:
    async with open_broker("embedded") as running:
        found = await checks(running.address, tries_rules=False)
    assert failed(found) == {}
    assert found["access rules"].verdict == found["TLS"].verdict == "skipped"


@pytest.mark.asyncio
async def test_hosts_without_a_name_cannot_be_told_apart() -> None:
    async with open_broker("embedded") as running:
        found = await checks(running.address)
    assert "cannot tell hosts apart" in failed(found)["access rules"]


@pytest.mark.mosquitto
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("alice", "topic readwrite bidswarm/v1/+/inbox/#", "speak as somebody-else, read the inbox of somebody-else"),
        ("alice", "topic read bidswarm/v1/+/trace/#", "read traces"),
        ("eve", "topic write bidswarm/v1/+/board/eve/#", "post on the board of eve"),
        ("launcher", "topic readwrite #", "use topics outside bidswarm/v1/"),
    ],
)
async def test_a_single_rule_too_many_is_named(tmp_path: Path, name: str, rule: str, words: str) -> None:
    broker = SecuredBroker(tmp_path / "broker", WISHES)
    broker.stop()
    with (broker.folder / "acl").open("a") as rules:
        rules.write(f"user {name}\n{rule}\n")
    broker.start()
    profile = broker.profile(name)
    found = await checks(profile.address, profile.role)
    broker.stop()
    assert failed(found).keys() == {"access rules"}
    assert f"{name} could {words}:" in failed(found)["access rules"]


@pytest.mark.asyncio
async def test_a_slow_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LONGEST_ROUND_TRIP_S", 0.0)
    async with open_broker("embedded") as running:
        found = await checks(running.address, tries_rules=False)
    assert "find a better network" in failed(found)["round trip"]


def test_the_doctor_needs_a_patient(bidswarm: Callable[..., Command]) -> None:
    code, _, stderr = bidswarm("doctor").finished()
    assert code == 2
    assert "--profile FILE, or --broker URL" in stderr
