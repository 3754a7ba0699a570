"""What Mosquitto reads: its configuration, and who may read and write which topic (docs/protocol.md, section 2)."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from broker.names import ROOT
from broker.profile import Role

MARKETS = f"{ROOT}/+"

# A topic filter has no pattern for roles: Mosquitto's `pattern` lines hold for every user, so that an observer could
# write a board of its own. Every user therefore has lines of its own, with its name in place of %u.
RULES: dict[Role, tuple[str, ...]] = {
    "host": (
        f"read {MARKETS}/inbox/%u/+",
        f"read {MARKETS}/board/#",
        f"read {MARKETS}/presence/#",
        f"read {MARKETS}/control",
        f"write {MARKETS}/inbox/+/%u",
        f"write {MARKETS}/board/%u/#",
        f"write {MARKETS}/presence/%u",
        f"write {MARKETS}/trace/%u",
    ),
    "observer": (
        f"read {MARKETS}/board/#",
        f"read {MARKETS}/presence/#",
        f"read {MARKETS}/trace/#",
        f"read {MARKETS}/control",
    ),
    "launcher": (f"readwrite {ROOT}/#",),
}

CONFIGURATION = """\
# Written by `bidswarm broker init`, which replaces this file whenever it runs.
listener {port}
certfile {folder}/tls/server.pem
keyfile {folder}/tls/server.key
tls_version tlsv1.2
max_connections 2000

allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
{user}
# A frame has 1 MiB at most, and what is larger reaches nobody. Much larger is not even read, and its sender is cut off.
message_size_limit 1114112
max_packet_size 8388608
# What one slow or dead reader may cost in memory: beyond it messages to it are dropped, and machines repeat them.
max_inflight_messages 1000
max_inflight_bytes 16777216
max_queued_messages 20000
max_queued_bytes 67108864
# For clients of MQTT 5, and for those that want to be remembered, which no node does.
max_keepalive 120
persistent_client_expiration 1h
set_tcp_nodelay true

# Boards and the word of the launcher are retained: they outlive a restart, but for the last seconds before a crash.
persistence true
persistence_location {folder}/data/
autosave_interval 10

sys_interval 0
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


def configuration(folder: Path, port: int) -> str:
    """Mosquitto's configuration for the files in the folder; TLS only."""
    user = account()
    # Started by root, Mosquitto would become another user, who cannot read these files.
    line = f"user {user}\n" if user else ""
    return CONFIGURATION.format(folder=folder.resolve().as_posix(), port=port, user=line)


def access_rules(users: Iterable[tuple[str, Role]]) -> str:
    """The access control list for users by name and role; what it does not name is denied."""
    return "\n".join(
        "\n".join([f"user {name}", *(f"topic {rule.replace('%u', name)}" for rule in RULES[role]), ""])
        for name, role in users
    )


def account() -> str | None:
    """The name of the account that runs this process, where there is one (POSIX)."""
    with suppress(ImportError, KeyError):
        import pwd  # noqa: PLC0415 - not on Windows

        return pwd.getpwuid(os.getuid()).pw_name
    return None
