import os
import socket

from broker.errors import BrokerError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A loopback port that was free a moment ago; another program may take it first."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def require_free(port: int) -> None:
    """Return if a broker can listen on the loopback port; ``BrokerError`` otherwise."""
    if reason := _taken(LOOPBACK, port):
        raise BrokerError(
            f"cannot listen on {LOOPBACK}:{port} ({reason}): stop what uses it, or choose another --port, "
            "or none for a free one"
        )


def require_free_everywhere(port: int) -> None:
    """Return if a broker can listen on the port at all addresses; ``BrokerError`` otherwise."""
    if reason := _taken("", port):
        raise BrokerError(
            f"cannot listen on port {port} ({reason}): stop what uses it, or choose another with "
            "bidswarm broker init --port, which changes the profiles too"
        )


def _taken(host: str, port: int) -> str | None:
    """Why nobody can listen there, or ``None``."""
    with socket.socket() as probe:
        if os.name == "posix":  # as the brokers do: a port in TIME_WAIT is free; on Windows it would share a taken one
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            return (error.strerror or str(error)) if isinstance(error, OSError) else "not a port number"
    return None
