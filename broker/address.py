import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit

from broker.errors import BrokerError

MQTT_PORT = 1883


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens, and as whom to log in; the password shows in no representation."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def host_port(self) -> str:
        """``host:port``, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address for logs and messages: without the password."""
        user = "" if self.username is None else f"{quote(self.username, safe='')}@"
        return f"mqtt://{user}{self.host_port}"


def broker_address(url: str) -> BrokerAddress:
    """The address that ``mqtt://[user[:password]@]host[:port]`` names, percent-decoded; ``BrokerError`` otherwise."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may quote a password that holds a slash: not chained, not shown
        raise BrokerError(f"{without_secret(url)} is not a URL: write mqtt://[user[:password]@]host[:port]") from None
    if parts.scheme == "mqtts":
        raise BrokerError(f"{without_secret(url)}: TLS (mqtts) is not supported yet: use mqtt:// on a trusted network")
    if parts.scheme != "mqtt" or not parts.hostname or _has_more_than_a_host(parts) or port == 0:
        raise BrokerError(
            f"{without_secret(url)} is not the URL of a broker: write mqtt://[user[:password]@]host[:port], "
            "with %2F for a slash, %23 for # and %3F for ? in a password"
        )
    return BrokerAddress(
        parts.hostname,
        MQTT_PORT if port is None else port,
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
    )


def without_secret(text: str) -> str:
    """The text with whatever stands before its last ``@`` blotted out, however malformed it is."""
    return re.sub(r"^([a-z]+://)?.*@", r"\1***@", text, flags=re.IGNORECASE | re.DOTALL)


def _has_more_than_a_host(parts: SplitResult) -> bool:
    return parts.path not in ("", "/") or bool(parts.query or parts.fragment)
