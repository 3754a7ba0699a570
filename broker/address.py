import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit

from broker.errors import BrokerError

PORTS = {"mqtt": 1883, "mqtts": 8883}
"""The port of each scheme, where a URL names none."""

FORM = "mqtt://[user[:password]@]host[:port], or mqtts:// for TLS"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens, and as whom to log in; the password shows in no representation.

    ``ca`` holds the certificates, in PEM, that the broker's own must lead to; the system's, if ``None``.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: str | None = field(default=None, repr=False)

    @property
    def host_port(self) -> str:
        """``host:port``, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address for logs and messages: without the password."""
        user = "" if self.username is None else f"{quote(self.username, safe='')}@"
        return f"mqtt{'s' if self.tls else ''}://{user}{self.host_port}"


def broker_address(url: str) -> BrokerAddress:
    """The address that ``mqtt[s]://[user[:password]@]host[:port]`` names, percent-decoded; ``BrokerError`` otherwise.

    Over TLS the broker is believed if one of the system's authorities vouches for it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may quote a password that holds a slash: not chained, not shown
        raise BrokerError(f"{without_secret(url)} is not a URL: write {FORM}") from None
    if parts.scheme not in PORTS or not parts.hostname or _has_more_than_a_host(parts) or port == 0:
        raise BrokerError(
            f"{without_secret(url)} is not the URL of a broker: write {FORM}, "
            "with %2F for a slash, %23 for # and %3F for ? in a password"
        )
    return BrokerAddress(
        parts.hostname,
        PORTS[parts.scheme] if port is None else port,
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
        tls=parts.scheme == "mqtts",
    )


def without_secret(text: str) -> str:
    """The text with whatever stands before its last ``@`` blotted out, however malformed it is."""
    return re.sub(r"^([a-z]+://)?.*@", r"\1***@", text, flags=re.IGNORECASE | re.DOTALL)


def _has_more_than_a_host(parts: SplitResult) -> bool:
    return parts.path not in ("", "/") or bool(parts.query or parts.fragment)
