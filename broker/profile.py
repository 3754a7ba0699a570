"""The connection profile of one user of a broker: a TOML file that holds secrets (docs/security.md)."""

import base64
import binascii
import json
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec

from broker.address import BrokerAddress, broker_address
from broker.errors import BrokerError
from broker.names import NAME_IN_WORDS, is_name
from broker.private import fault_of, read_private, write_private

FORMAT = 1
KEY_BYTES = 32
"""The length of an Ed25519 key, private or public (RFC 8032)."""

LAUNCHER_KEY = "*"
"""Under this name stands the launcher's public key, which speaks for all hosts without a key of their own."""

Role = Literal["host", "launcher", "observer"]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"  # it holds secrets


class BrokerTable(_Table, frozen=True):
    """Where the broker is, and the password; ``ca`` in PEM, the system's authorities if ``None``."""

    url: str
    password: str
    ca: str | None = None


class SigningTable(_Table, frozen=True):
    """Ed25519 keys, 32 bytes in base64: the user's own private one, and the public ones by the name of the host."""

    private_key: str
    public_keys: dict[str, str]


class BrokerProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One user of a broker: ``name`` is the MQTT user name and the host in addresses.

    Without ``signing`` frames are neither signed nor checked.
    """

    format: Literal[1]
    name: str
    role: Role
    broker: BrokerTable
    signing: SigningTable | None = None

    @property
    def address(self) -> BrokerAddress:
        """Where to connect, and as whom."""
        where = broker_address(self.broker.url)
        return replace(where, username=self.name, password=self.broker.password, ca=self.broker.ca)


def read_profile(path: Path) -> BrokerProfile:
    """The profile in the file.

    Raises
    ------
    BrokerError
        If it cannot be used, or if others can read it (POSIX); the text names the key and the remedy, and no secret.
    """
    text = read_private(path, "profile")
    try:
        profile = msgspec.toml.decode(text, type=BrokerProfile)
    except msgspec.MsgspecError as error:
        raise BrokerError(
            f"profile {path}: {fault_of(error)}; copy it anew from the folder of bidswarm broker init"
        ) from None
    try:
        fault = _fault(profile)
    except BrokerError as error:
        fault = f"broker.url: {error}"
    if fault:
        raise BrokerError(f"profile {path}: {fault}")
    return profile


def write_profile(path: Path, profile: BrokerProfile) -> None:
    """Write the profile with mode 0600; ``BrokerError`` if that fails."""
    write_private(path, profile_text(profile))


def profile_text(profile: BrokerProfile) -> str:
    """The profile as the TOML it is kept as."""
    head = [f"{key} = {json.dumps(getattr(profile, key))}" for key in ("format", "name", "role")]
    lines = [*head, "", "[broker]", f"url = {json.dumps(profile.broker.url)}"]
    lines.append(f"password = {json.dumps(profile.broker.password)}")
    if profile.broker.ca is not None:
        lines.append(f'ca = """\n{profile.broker.ca}"""')
    if profile.signing:
        lines += ["", "[signing]", f"private_key = {json.dumps(profile.signing.private_key)}"]
        lines += ["", "[signing.public_keys]"]
        lines += [f"{json.dumps(name)} = {json.dumps(key)}" for name, key in profile.signing.public_keys.items()]
    return "\n".join(lines) + "\n"


def _fault(profile: BrokerProfile) -> str | None:
    """What is wrong with a profile of the right form, and the remedy."""
    if not is_name(profile.name):
        return f"name must be {NAME_IN_WORDS}, got {profile.name!r}"
    if "@" in profile.broker.url:
        return "broker.url must hold no login: name and broker.password are the login"
    broker_address(profile.broker.url)
    if profile.broker.ca is not None and not _holds_certificates(profile.broker.ca):
        return "broker.ca holds no certificate in PEM: copy it whole, or leave it out for the system's authorities"
    return _signing_fault(profile.signing) if profile.signing else None


def _signing_fault(signing: SigningTable) -> str | None:
    if not _is_key(signing.private_key):
        return f"signing.private_key is not the base64 of {KEY_BYTES} bytes"
    for name, key in signing.public_keys.items():
        if name != LAUNCHER_KEY and not is_name(name):
            return f"signing.public_keys: {name!r} is neither the name of a host nor {LAUNCHER_KEY!r}"
        if not _is_key(key):
            return f"signing.public_keys.{name} is not the base64 of {KEY_BYTES} bytes, got {key!r}"
    return None


def _holds_certificates(pem: str) -> bool:
    try:
        return bool(ssl.create_default_context(cadata=pem).get_ca_certs())
    except (ssl.SSLError, ValueError):
        return False


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False
