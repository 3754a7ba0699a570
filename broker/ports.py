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
    with socket.socket() as probe:
        if os.name == "posix":  # as the brokers do: a port in TIME_WAIT is free; on Windows it would share a taken one
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a port number"
            raise BrokerError(
                f"cannot listen on {LOOPBACK}:{port} ({reason}): stop what uses it, or choose another --port, "
                "or none for a free one"
            ) from None
