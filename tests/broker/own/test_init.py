"""The folder of a broker of one's own: made once, changed later, and nothing in it ever lost."""

import base64
import hashlib
import os
import re
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broker import BrokerError, read_profile
from broker.own import certificates
from broker.own.credentials import password_line, public_key
from broker.own.init import init
from broker.own.setup import Wishes, read_setup
from broker.private import write_private
from broker.profile import BrokerProfile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init(tmp_path / "broker", Wishes(hosts=["alice", "bob"], observers=["eve"]))
    return tmp_path / "broker"


def profile(folder: Path, name: str) -> BrokerProfile:
    return read_profile(folder / "profiles" / f"{name}.toml")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def credentials(folder: Path, name: str) -> tuple[str, str | None]:
    read = profile(folder, name)
    return read.broker.password, read.signing and read.signing.private_key


# A second run


def test_a_second_run_changes_no_byte(folder: Path) -> None:
    before = contents(folder)
    report = init(folder, Wishes(hosts=["alice"]))
    assert contents(folder) == before
    assert (report.added, report.changed, report.certificate) == ([], [], "kept")
    assert report.kept == ["alice", "bob", "launcher", "eve"]


def test_an_added_host_leaves_all_secrets_of_others_as_they_were(folder: Path) -> None:
    files, old = contents(folder), {name: credentials(folder, name) for name in ("alice", "bob", "launcher", "eve")}
    report = init(folder, Wishes(hosts=["carol"]))
    assert report.added == ["carol"]
    assert {name: credentials(folder, name) for name in old} == old
    now = contents(folder)
    assert all(now[name] == files[name] for name in ("tls/ca.key", "tls/ca.pem", "tls/server.key", "tls/server.pem"))
    assert now["passwords"].startswith(files["passwords"])


def test_the_public_key_of_an_added_host_goes_into_all_profiles(folder: Path) -> None:
    report = init(folder, Wishes(hosts=["carol"]))
    assert report.changed == ["alice", "bob", "launcher"]
    tables = [profile(folder, name).signing for name in ("alice", "bob", "carol", "launcher")]
    assert all(table and table.public_keys.keys() == {"alice", "bob", "carol", "*"} for table in tables)


def test_an_address_named_later_renews_the_servers_certificate_alone(folder: Path) -> None:
    before = contents(folder)
    assert init(folder, Wishes(addresses=["192.168.1.5", "market.example"])).certificate == "renewed"
    after = contents(folder)
    assert {name for name in before if name.startswith("tls/") and before[name] != after[name]} == {"tls/server.pem"}
    assert profile(folder, "bob").broker.url == "mqtts://192.168.1.5:8883"


def test_a_changed_port_is_in_the_configuration_and_all_profiles(folder: Path) -> None:
    init(folder, Wishes(port=8899))
    assert "listener 8899\n" in (folder / "mosquitto.conf").read_text()
    assert {profile(folder, name).broker.url for name in ("alice", "eve")} == {"mqtts://localhost:8899"}


def test_a_run_that_was_cut_short_is_completed_by_the_next(folder: Path) -> None:
    whole = contents(folder)
    for name in ("passwords", "acl", "mosquitto.conf"):
        (folder / name).unlink()
    init(folder, Wishes())
    now = contents(folder)
    assert now.keys() == whole.keys()
    assert {name for name in whole if whole[name] != now[name]} == {"passwords"}  # salted anew, for the same password


def test_a_profile_that_was_moved_away_is_reported_and_not_made_anew(folder: Path) -> None:
    before = (folder / "passwords").read_text()
    (folder / "profiles" / "alice.toml").unlink()
    assert init(folder, Wishes(hosts=["alice"])).absent == ["alice"]
    assert not (folder / "profiles" / "alice.toml").exists()
    assert (folder / "passwords").read_text() == before
    signing = profile(folder, "bob").signing
    assert signing
    assert "alice" in signing.public_keys


def test_a_removed_host_is_nowhere_any_more(folder: Path) -> None:
    init(folder, Wishes(removed=["alice"]))
    assert not [name for name, data in contents(folder).items() if "alice" in name or b"alice" in data]


def test_a_host_removed_and_wished_for_again_has_new_secrets(folder: Path) -> None:
    old = credentials(folder, "alice")
    init(folder, Wishes(hosts=["alice"], removed=["alice"]))
    assert not set(old) & set(credentials(folder, "alice"))


# Mistakes


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(hosts=["a b"]), "a name has 1 to 64"),
        (Wishes(hosts=["eve"]), "eve is taken by an observer"),
        (Wishes(observers=["launcher"]), "launcher is taken by a launcher"),
        (Wishes(launcher="boss"), "the launcher is called launcher"),
        (Wishes(removed=["zoe"]), "there are alice, bob, launcher, eve"),
        (Wishes(addresses=["mqtts://host"]), "neither an IP address nor the name of a machine"),
        (Wishes(addresses=["host:8883"]), "give it without a port"),
    ],
)
def test_a_wish_that_does_not_fit_changes_nothing_and_names_the_remedy(
    folder: Path, wishes: Wishes, words: str
) -> None:
    before = contents(folder)
    with pytest.raises(BrokerError, match=re.escape(words)):
        init(folder, wishes)
    assert contents(folder) == before


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BrokerError, match="holds other things"):
        init(tmp_path, Wishes(hosts=["alice"]))
    assert contents(tmp_path) == {"letter.txt": b"dear"}


@pytest.mark.parametrize("name", ["ca.key", "ca.pem", "server.key", "server.pem"])
def test_a_damaged_file_is_named_and_never_replaced(folder: Path, name: str) -> None:
    damaged = folder / "tls" / name
    damaged.write_text("rubbish")
    with pytest.raises(BrokerError, match=r"tls is damaged .* restore it"):
        init(folder, Wishes(addresses=["market.example"]))
    assert damaged.read_text() == "rubbish"


def test_a_folder_that_init_did_not_make_is_no_broker(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="bidswarm broker init"):
        read_setup(tmp_path)


# What is in it


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_nobody_else_may_read_any_of_it(folder: Path) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_passwords_are_kept_as_hashes_in_mosquittos_format(folder: Path) -> None:
    lines = (folder / "passwords").read_text().splitlines()
    for line, name in zip(lines, ("alice", "bob", "launcher", "eve"), strict=True):
        user, _, rest = line.partition(":")
        _, kind, iterations, salt, digest = rest.split("$")
        password = profile(folder, name).broker.password.encode()
        expected = hashlib.pbkdf2_hmac("sha512", password, base64.b64decode(salt), int(iterations))
        assert (user, kind, base64.b64decode(digest)) == (name, "7", expected)


def test_no_password_and_no_private_key_is_in_two_files(folder: Path) -> None:
    for name in ("alice", "bob", "launcher", "eve"):
        for secret in filter(None, credentials(folder, name)):
            holders = [path for path, data in contents(folder).items() if secret.encode() in data]
            assert holders == [f"profiles/{name}.toml"]


def test_what_one_host_signs_all_others_can_check(folder: Path) -> None:
    alice, bob = profile(folder, "alice").signing, profile(folder, "bob").signing
    assert alice
    assert bob
    signature = Ed25519PrivateKey.from_private_bytes(base64.b64decode(alice.private_key)).sign(b"frame")
    Ed25519PublicKey.from_public_bytes(base64.b64decode(bob.public_keys["alice"])).verify(signature, b"frame")
    assert public_key(bob.private_key) == alice.public_keys["bob"]


def test_an_observer_has_no_signing_key(folder: Path) -> None:
    assert profile(folder, "eve").signing is None


def test_the_certificate_is_for_all_addresses_and_this_machine(tmp_path: Path) -> None:
    init(tmp_path / "broker", Wishes(addresses=["::1", "market.example"]))
    certificate = x509.load_pem_x509_certificate((tmp_path / "broker" / "tls" / "server.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["market.example", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["::1", "127.0.0.1"]


def test_a_certificate_near_its_end_is_renewed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = folder / "tls"
    ca, ca_key, key = ((tls / name).read_text() for name in ("ca.pem", "ca.key", "server.key"))
    monkeypatch.setattr(certificates, "SERVER_LIFE", timedelta(days=20))
    write_private(tls / "server.pem", certificates.new_server(ca, ca_key, key, ["localhost", "127.0.0.1"]))
    monkeypatch.undo()
    assert init(folder, Wishes()).certificate == "renewed"
    assert certificates.expiry((tls / "server.pem").read_text()) > datetime.now(UTC) + timedelta(days=800)


@pytest.mark.mosquitto
def test_mosquittos_own_tool_takes_the_file_of_passwords(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text(password_line("alice", "secret") + "\n")
    subprocess.run(["mosquitto_passwd", "-b", str(file), "bob", "secret"], check=True, capture_output=True)
    assert [line.split("$")[0] for line in file.read_text().splitlines()] == ["alice:", "bob:"]
