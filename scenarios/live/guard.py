"""Who may look: on this machine everybody here, from elsewhere whoever has the token (docs/live.md)."""

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from scenarios.errors import ScenarioError

COOKIE = "bidswarm-live"
"""The name of the cookie; the port is added, since cookies are of a machine, and several pages may be served there."""

TOKEN_BYTES = 24

LEAST_TOKEN = 16
"""Characters of a token that somebody chooses."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Checks what a browser says of itself.

    A page elsewhere that makes a name of its own lead here is refused by ``Host``, and one that opens a WebSocket here
    by ``Origin``.

    Attributes
    ----------
    token
        Who has it may look; everybody may if there is none.
    order_token
        Who has it may look, and have things happen; nobody may if there is none.
    """

    address: str
    token: str | None
    order_token: str | None = None

    def is_host(self, host: str | None) -> bool:
        """Whether a ``Host`` header names this server: by an address, or as this machine is called."""
        name = urlsplit(f"//{host}").hostname if host else None
        if name is None:
            return False
        if _is_loopback(self.address):
            return _is_loopback(name)
        return (
            _is_address(name) or name == "localhost" or name.split(".")[0] == socket.gethostname().split(".")[0].lower()
        )

    def is_origin(self, origin: str | None, host: str | None) -> bool:
        """Whether a script of this very server speaks."""
        return origin is not None and origin in {f"http://{host}", f"https://{host}"}

    def is_own(self, host: str | None, origin: str | None) -> bool:
        """Whether a script of this very server speaks, to a name that it has."""
        return self.is_host(host) and self.is_origin(origin, host)

    def is_known(self, token: str | None) -> bool:
        """Whether it is one of the tokens, or there are none."""
        known = [one for one in (self.token, self.order_token) if one is not None]
        return not known or any(_is(token, one) for one in known)

    def may_look(self, cookies: Mapping[str, str], host: str | None) -> bool:
        """Whether somebody with these cookies may, who calls this server so."""
        return self.token is None or self.is_known(cookies.get(cookie_of(host)))

    def is_order_token(self, token: str | None) -> bool:
        """Whether it is the token of those who may have things happen."""
        return self.order_token is not None and _is(token, self.order_token)

    def may_order(self, cookies: Mapping[str, str], host: str | None) -> bool:
        """Whether somebody with these cookies may have things happen, who calls this server so."""
        return self.is_order_token(cookies.get(cookie_of(host)))


def cookie_of(host: str | None) -> str:
    """The name of the cookie of the server that is called so."""
    return f"{COOKIE}{(host or '').rpartition(':')[2]}"


def guard_of(address: str, token: str | None) -> Guard:
    """A guard for a server at this address: elsewhere than on loopback it has a token.

    Raises
    ------
    ScenarioError
        If the address is none, or a token is too short to be one.
    """
    if not (_is_address(address) or address == "localhost"):
        raise ScenarioError(f"--address {address!r}: give an IP address, 127.0.0.1 or 0.0.0.0 for example")
    if token is not None and len(token) < LEAST_TOKEN:
        raise ScenarioError(
            f"BIDSWARM_LIVE_TOKEN has {len(token)} characters: take {LEAST_TOKEN} or more, or leave it out"
        )
    if token is None and not _is_loopback(address):
        token = secrets.token_urlsafe(TOKEN_BYTES)
    return Guard(address, token)


def orderly(guard: Guard) -> Guard:
    """The guard with a new token for those who may have things happen."""
    return replace(guard, order_token=secrets.token_urlsafe(TOKEN_BYTES))


def _is(token: str | None, known: str) -> bool:
    return token is not None and hmac.compare_digest(known.encode(), token.encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)
