"""Writes the folder of a broker of one's own: configuration, certificates, logins and profiles (docs/security.md).

No key and no password that exists is made anew, and all else is derived from ``broker.toml`` and the profiles: the next
run completes one that was cut short.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from broker.errors import BrokerError
from broker.own import certificates, credentials
from broker.own.configuration import access_rules, configuration
from broker.own.setup import Setup, User, Wishes, read_setup, setup_text, wished
from broker.private import read_private, write_private
from broker.profile import LAUNCHER_KEY, BrokerProfile, BrokerTable, SigningTable, read_profile, write_profile

LOCAL = ("localhost", "127.0.0.1")
"""The certificate is always for these too."""


@dataclass(frozen=True, slots=True)
class Report:
    """What ``init`` did; users by name."""

    setup: Setup
    certificate: str
    """``issued``, ``kept``, or ``renewed`` for other addresses or since it would soon have expired."""
    added: list[str]
    changed: list[str]
    """Those whose profile had to change, so that their devices need the new one."""
    kept: list[str]
    removed: list[str]
    absent: list[str]
    """Those whose profile is no longer in the folder, and was left as it is."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A user with its line in the file of passwords, and its profile as found or made, if it is not kept elsewhere."""

    user: User
    line: str = field(repr=False)
    profile: BrokerProfile | None
    is_new: bool


def init(folder: Path, wishes: Wishes) -> Report:
    """Set up the folder of a broker, or change one; ``BrokerError`` if a wish does not fit or a file cannot be used."""
    setup = wished(_before(folder), wishes)
    _make_folders(folder)
    members = _members(folder, setup.users, wishes.removed)
    setup = msgspec.structs.replace(setup, users=[member.user for member in members])
    write_private(folder / "broker.toml", setup_text(setup))
    certificate = _certify(folder, setup)
    written = {member.user.name for member in members if _write_profile(folder, setup, member)}
    write_private(folder / "passwords", "".join(f"{member.line}\n" for member in members))
    write_private(folder / "acl", access_rules((user.name, user.role) for user in setup.users))
    write_private(folder / "mosquitto.conf", configuration(folder, setup.port))
    return _report(setup, certificate, members, written, wishes.removed)


def _report(
    setup: Setup, certificate: str, members: list[_Member], written: set[str], removed: Sequence[str]
) -> Report:
    old = [member.user.name for member in members if member.profile and not member.is_new]
    return Report(
        setup,
        certificate,
        added=[member.user.name for member in members if member.is_new],
        changed=[name for name in old if name in written],
        kept=[name for name in old if name not in written],
        removed=list(removed),
        absent=[member.user.name for member in members if member.profile is None],
    )


def _before(folder: Path) -> Setup | None:
    if (folder / "broker.toml").exists():
        return read_setup(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise BrokerError(f"{folder} holds other things: give a new or an empty folder")
    return None


def _make_folders(folder: Path) -> None:
    try:
        for part in (folder, folder / "tls", folder / "data", folder / "profiles"):
            part.mkdir(mode=0o700, parents=part == folder, exist_ok=True)
            part.chmod(0o700)
    except OSError as error:
        raise BrokerError(f"cannot make {folder} ({error.strerror}): choose a folder of your own") from None


def _profile_path(folder: Path, name: str) -> Path:
    return folder / "profiles" / f"{name}.toml"


def _password_lines(folder: Path) -> dict[str, str]:
    """The lines of the file of passwords by user."""
    path = folder / "passwords"
    lines = read_private(path, "the file of passwords").splitlines() if path.exists() else []
    return {line.partition(":")[0]: line for line in lines}


def _members(folder: Path, users: list[User], removed: Sequence[str]) -> list[_Member]:
    """The users with their secrets, read from their profiles or made; a removed user loses its login."""
    for name in removed:
        _profile_path(folder, name).unlink(missing_ok=True)
    lines = {name: line for name, line in _password_lines(folder).items() if name not in removed}
    return [_member(folder, user, lines.get(user.name)) for user in users]


def _member(folder: Path, user: User, line: str | None) -> _Member:
    path = _profile_path(folder, user.name)
    if line is not None and not path.exists():
        return _Member(user, line, None, is_new=False)
    profile = read_profile(path) if path.exists() else _new_profile(user)
    if profile.signing:
        user = msgspec.structs.replace(user, public_key=credentials.public_key(profile.signing.private_key))
    new_line = credentials.password_line(user.name, profile.broker.password)
    return _Member(user, line or new_line, profile, is_new=line is None)


def _new_profile(user: User) -> BrokerProfile:
    signing = None if user.role == "observer" else SigningTable(credentials.new_signing_key(), {})
    # The address follows with those of all others.
    return BrokerProfile(1, user.name, user.role, BrokerTable("", credentials.new_password()), signing)


def _certify(folder: Path, setup: Setup) -> str:
    """Make what is missing of the authority and the server's certificate, and say what became of the latter."""
    tls = folder / "tls"
    ca_key = _made_once(tls / "ca.key", certificates.new_key)
    ca = _made_once(tls / "ca.pem", lambda: certificates.new_ca(ca_key))
    key = _made_once(tls / "server.key", certificates.new_key)
    addresses = list(dict.fromkeys([*setup.addresses, *LOCAL]))
    server = tls / "server.pem"
    try:
        if server.exists() and certificates.is_current(read_private(server, "the certificate"), addresses):
            return "kept"
        issued = certificates.new_server(ca, ca_key, key, addresses)
    except ValueError as error:
        raise BrokerError(f"a file in {tls} is damaged ({error}): restore it, or begin with a new folder") from None
    word = "renewed" if server.exists() else "issued"
    write_private(server, issued)
    return word


def _made_once(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        write_private(path, make())
    return read_private(path, "the file")


def _write_profile(folder: Path, setup: Setup, member: _Member) -> bool:
    """Bring the profile up to date; whether it had to change."""
    old = member.profile
    if old is None:
        return False
    ca = read_private(folder / "tls" / "ca.pem", "the authority")
    where = BrokerTable(setup.url, old.broker.password, ca)
    signing = old.signing and SigningTable(old.signing.private_key, _public_keys(setup))
    new = msgspec.structs.replace(old, broker=where, signing=signing)
    if new != old:
        write_profile(_profile_path(folder, old.name), new)
    return new != old


def _public_keys(setup: Setup) -> dict[str, str]:
    """Those that frames are checked with, by host; the launcher's stands for hosts without one."""
    return {
        LAUNCHER_KEY if user.role == "launcher" else user.name: user.public_key
        for user in setup.users
        if user.public_key
    }
