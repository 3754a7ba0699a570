"""What a broker of one's own is set up for: its file ``broker.toml``, and how wishes change it."""

import ipaddress
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from broker.address import PORTS
from broker.errors import BrokerError
from broker.names import NAME_IN_WORDS, is_name
from broker.private import fault_of, read_private
from broker.profile import Role

LAUNCHER = "launcher"
"""The launcher's name if none is wished for: a market needs one to open it."""


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may log in; ``public_key`` is empty for an observer, who signs nothing."""

    name: str
    role: Role
    public_key: str = ""


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A broker's port, the addresses its certificate is for, and its users; the first is the one in profiles."""

    format: Literal[1]
    port: int
    addresses: list[str]
    users: list[User]

    @property
    def url(self) -> str:
        """Where devices find the broker."""
        host = (self.addresses or ["localhost"])[0]
        return f"mqtts://[{host}]:{self.port}" if ":" in host else f"mqtts://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of ``broker init``; ``None`` or an empty list keeps what ``broker.toml`` says."""

    hosts: Sequence[str] = ()
    launcher: str | None = None
    observers: Sequence[str] = ()
    addresses: Sequence[str] = ()
    port: int | None = None
    removed: Sequence[str] = ()


def read_setup(folder: Path) -> Setup:
    """What the broker in the folder is set up for; ``BrokerError`` if ``broker init`` did not make it."""
    path = folder / "broker.toml"
    if not path.exists():
        raise BrokerError(f"{folder} was not made by bidswarm broker init (it has no broker.toml): run that first")
    try:
        return msgspec.toml.decode(read_private(path, "setup"), type=Setup)
    except msgspec.MsgspecError as error:
        raise BrokerError(f"{path}: {fault_of(error)}; restore the file, or begin with a new folder") from None


def setup_text(setup: Setup) -> str:
    """The setup as the TOML it is kept as."""
    head = [f"format = {setup.format}", f"port = {setup.port}", f"addresses = {json.dumps(setup.addresses)}"]
    users = [f"\n[[users]]\n{_pairs(msgspec.to_builtins(user))}" for user in setup.users]
    return "\n".join([*head, *users]) + "\n"


def wished(before: Setup | None, wishes: Wishes) -> Setup:
    """The setup as it shall be; ``BrokerError`` if a wish does not fit."""
    known = before.users if before else []
    for name in set(wishes.removed) - {user.name for user in known}:
        raise BrokerError(f"--remove {name}: there is no such user; there are {', '.join(user.name for user in known)}")
    users = [user for user in known if user.name not in wishes.removed]
    for user in _wished_users(users, wishes):
        _add(users, user)
    addresses = [*(before.addresses if before else []), *map(_address, wishes.addresses)]
    return Setup(
        format=1,
        port=wishes.port or (before.port if before else PORTS["mqtts"]),
        addresses=list(dict.fromkeys(addresses)),
        users=users,
    )


def _wished_users(users: list[User], wishes: Wishes) -> list[User]:
    launchers = [user.name for user in users if user.role == "launcher"]
    launcher = wishes.launcher or (launchers or [LAUNCHER])[0]
    if launchers and launcher not in launchers:
        raise BrokerError(f"--launcher {launcher}: the launcher is called {launchers[0]}; add --remove {launchers[0]}")
    return [
        *(User(name, "host") for name in wishes.hosts),
        User(launcher, "launcher"),
        *(User(name, "observer") for name in wishes.observers),
    ]


def _add(users: list[User], new: User) -> None:
    if not is_name(new.name):
        raise BrokerError(f"--{new.role} {new.name!r}: a name has {NAME_IN_WORDS}")
    for user in users:
        if user.name == new.name and user.role != new.role:
            taker = "an observer" if user.role == "observer" else f"a {user.role}"
            raise BrokerError(f"--{new.role}: the name {new.name} is taken by {taker}: choose another")
    if all(user.name != new.name for user in users):
        users.append(new)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if re.fullmatch(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*)(\.[A-Za-z0-9_-]+)*", text):
            return text
    raise BrokerError(f"--address {text!r} is neither an IP address nor the name of a machine: give it without a port")


def _pairs(table: dict[str, str]) -> str:
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
