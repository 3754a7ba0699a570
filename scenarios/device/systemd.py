"""A systemd unit for a node."""

import getpass
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from broker.address import broker_address
from scenarios.device.device import link_of
from scenarios.device.schema import NodeFile
from scenarios.errors import ScenarioError

_UNIT = """\
# Made by: bidswarm node service. As root: save it as /etc/systemd/system/{name}.service, then
#   systemctl daemon-reload && systemctl enable --now {name}
#   journalctl --follow --unit {name}
[Unit]
Description=bidswarm {role} {node} in market {market}
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=exec
ExecStart={command}
User={user}
# The journal stands there: /var/lib/{folder}
StateDirectory={folder}
StateDirectoryMode=0700
WorkingDirectory=%S/{folder}
Environment=OPENBLAS_NUM_THREADS=1
# After a crash or a power cut the same command finishes the trade; after wrong usage, a timeout or a refused login not.
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 3 4
# Time to take the bids back.
TimeoutStopSec=20
MemoryMax=128M
TasksMax=32
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
"""


def unit(settings: NodeFile, arguments: Sequence[str]) -> str:
    """The unit that runs the node with these arguments, as the user who asks for it.

    Raises
    ------
    ScenarioError
        If it would hold a password, or root would carry the node.
    """
    if settings.broker is not None and f"--broker={settings.broker}" in arguments:
        _check_secretless(settings.broker)
    node = settings.node or link_of(settings).host
    name = f"bidswarm-{settings.market}-{node}"
    return _UNIT.format(
        name=name,
        folder=f"bidswarm/{settings.market}-{node}",
        role=settings.role,
        node=node,
        market=settings.market,
        command=" ".join(map(quoted, [*_program(), "node", "start", *arguments])),
        user=getpass.getuser(),
    )


def _check_secretless(url: str) -> None:
    if broker_address(url).password is not None:
        raise ScenarioError(
            "everybody can read a unit, so --broker must hold no password: use --profile, "
            "or the key broker in a FILE.toml of mode 0600"
        )


def _program() -> list[str]:
    """The command bidswarm of this environment."""
    beside = Path(sys.executable).with_name("bidswarm")
    found = str(beside) if beside.exists() else shutil.which("bidswarm")
    return [found] if found else [sys.executable, "-m", "scenarios.cli.main"]


def quoted(argument: str) -> str:
    """The argument as ExecStart= takes it (systemd.service, "Command lines")."""
    text = argument.replace("%", "%%").replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if not text or any(sign in text for sign in " \t;'\"\\") else text
