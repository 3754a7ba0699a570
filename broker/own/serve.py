from datetime import UTC, datetime
from pathlib import Path

from broker.errors import BrokerError
from broker.local.children import run_child
from broker.local.mosquitto import mosquitto_program
from broker.local.ports import require_free_everywhere
from broker.own.certificates import expiry
from broker.own.configuration import account
from broker.own.setup import read_setup
from broker.private import read_private


def serve(folder: Path) -> None:
    """Run the broker that ``init`` set up until KeyboardInterrupt; its log goes to standard error.

    Raises
    ------
    BrokerError
        If it cannot start, or ends by itself; the text names the remedy.
    """
    setup = read_setup(folder)
    program = mosquitto_program()
    _require_valid(folder)
    require_free_everywhere(setup.port)
    code = run_child("watchdog.py", program, "-c", str(folder.resolve() / "mosquitto.conf"))
    raise BrokerError(f"mosquitto ended with exit code {code}: its log above says why; {_remedy(folder)}")


def _require_valid(folder: Path) -> None:
    path = folder / "tls" / "server.pem"
    try:
        until = expiry(read_private(path, "the certificate"))
    except ValueError:
        raise BrokerError(f"{path} is damaged: delete it, and bidswarm broker init {folder} makes it anew") from None
    if until <= datetime.now(UTC):
        raise BrokerError(
            f"the broker's certificate expired on {until:%Y-%m-%d}, or the clock here is ahead: "
            f"bidswarm broker init {folder} renews it"
        )


def _remedy(folder: Path) -> str:
    return f"if files cannot be opened, run bidswarm broker init {folder} and this command as one account ({account()})"
