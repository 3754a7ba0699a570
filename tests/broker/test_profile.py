import base64
import os
import stat
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from broker import BrokerAddress, BrokerError
from broker.profile import BrokerProfile, BrokerTable, SigningTable, profile_text, read_profile, write_profile

KEY = base64.b64encode(bytes(range(32))).decode()
PROFILE = BrokerProfile(
    format=1,
    name="alice",
    role="host",
    broker=BrokerTable("mqtts://192.168.1.5:8883", 's3cret"\\word'),
    signing=SigningTable(KEY, {"alice": KEY, "*": KEY}),
)


def refusal(path: Path) -> str:
    with pytest.raises(BrokerError) as caught:
        read_profile(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "alice.toml"


def test_profile_is_read_as_it_was_written(write: Path) -> None:
    write_profile(write, PROFILE)
    assert read_profile(write) == PROFILE


def test_profile_without_keys_is_read_as_it_was_written(write: Path) -> None:
    plain = msgspec.structs.replace(PROFILE, signing=None)
    write_profile(write, plain)
    assert read_profile(write) == plain


def test_profile_is_a_login_at_an_address() -> None:
    address = BrokerAddress("192.168.1.5", 8883, "alice", 's3cret"\\word', tls=True)
    assert PROFILE.address == address
    with_ca = msgspec.structs.replace(PROFILE, broker=msgspec.structs.replace(PROFILE.broker, ca="PEM"))
    assert with_ca.address == replace(address, ca="PEM")


def test_no_representation_shows_a_secret() -> None:
    shown = f"{PROFILE!r} {PROFILE} {PROFILE.broker!r} {PROFILE.signing!r} {PROFILE.address!r}"
    assert "s3cret" not in shown
    assert KEY not in shown


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_profile_is_for_its_owner_alone(write: Path) -> None:
    write_profile(write, PROFILE)
    assert stat.S_IMODE(write.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_profile_that_others_can_read_is_refused_with_the_remedy(write: Path) -> None:
    write_profile(write, PROFILE)
    write.chmod(0o640)
    assert f"chmod 600 {write}" in refusal(write)


def test_missing_profile_is_named(write: Path) -> None:
    assert "cannot read profile" in refusal(write)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("format = 1", "format = 2", "format"),
        ('name = "alice"', 'name = "al/ice"', "name must be 1 to 64"),
        ('role = "host"', 'role = "king"', "role"),
        ("mqtts://", "https://", "mqtts://"),
        ("mqtts://", "mqtts://alice:pw@", "no login"),
        ("[signing]", 'ca = "PEM"\n[signing]', "broker.ca"),
        ("private_key", 'colour = "red"\nprivate_key', "colour"),
        (f'private_key = "{KEY}"', 'private_key = "c2hvcnQ="', "signing.private_key"),
        (f'"*" = "{KEY}"', '"*" = "c2hvcnQ="', "signing.public_keys.*"),
        (f'"*" = "{KEY}"', f'"a/b" = "{KEY}"', "'a/b'"),
        ("[broker]", "[broker", "copy it anew"),
        ('name = "alice"', "name = 3", "name is not as it was written; copy it anew"),
        ('role = "host"\n', "", "lacks the key role; copy it anew"),
    ],
)
def test_mistake_is_named_and_no_secret_shown(write: Path, good: str, bad: str, words: str) -> None:
    text = profile_text(PROFILE)
    assert good in text
    write.write_text(text.replace(good, bad, 1))
    write.chmod(0o600)
    told = refusal(write)
    assert words in told
    assert "s3cret" not in told
    assert "Expected `" not in told
    assert KEY not in told
