"""Whether a broker answers at its address, over TCP and over TLS, and in words why it does not."""

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass

from broker.address import BrokerAddress
from broker.client import TIMEOUT_S, tls_context
from broker.errors import BrokerError

# OpenSSL's numbers (X509_V_ERR_*), which are stable; its texts are not.
NOT_YET_VALID, EXPIRED = 9, 10
UNKNOWN_ISSUER = (2, 18, 19, 20, 21)
WRONG_NAME = (62, 64)


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What a TLS handshake with a broker showed; the times are seconds since 1970."""

    version: str
    valid_from: float
    valid_until: float


async def require_tcp(address: BrokerAddress) -> None:
    """Return if something listens there; ``BrokerError`` with the remedy otherwise."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (socket.gaierror, UnicodeError):
        raise BrokerError(f"{address.host_port}: no such host is known: check the name in the broker's URL") from None
    except TimeoutError:
        raise BrokerError(
            f"{address.host_port} does not answer within {TIMEOUT_S:g} s: check the host, the port and the firewall"
        ) from None
    except OSError as error:
        raise BrokerError(
            f"{address.host_port} cannot be reached ({error.strerror or error}): start the broker there, "
            "or check the host and the port"
        ) from None
    writer.close()


async def tls_facts(address: BrokerAddress) -> TlsFacts:
    """What a handshake with a broker that listens shows; ``BrokerError`` with the remedy if there is no trust."""
    try:
        return await _handshake(address, tls_context(address))
    except ssl.SSLCertVerificationError as error:
        raise BrokerError(f"{address.host_port}: {_distrust(address, error)}") from None
    except (OSError, TimeoutError):
        raise BrokerError(
            f"{address.host_port} does not speak TLS: use the broker's TLS port, usually 8883, "
            f"or write mqtt:// if it has none and the network is trusted"
        ) from None


async def speaks_tls(address: BrokerAddress) -> bool:
    """Whether the port answers a TLS handshake, whoever vouches for it."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    with suppress(OSError, TimeoutError):
        await _handshake(address, trusting)
        return True
    return False


async def _handshake(address: BrokerAddress, context: ssl.SSLContext | None) -> TlsFacts:
    async with asyncio.timeout(TIMEOUT_S):
        _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    try:
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        certificate = tls.getpeercert() or {}
        since, until = (str(certificate.get(key, "Jan  1 00:00:00 1970 GMT")) for key in ("notBefore", "notAfter"))
        return TlsFacts(tls.version() or "TLS", ssl.cert_time_to_seconds(since), ssl.cert_time_to_seconds(until))
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):  # a broker need not answer a goodbye
            async with asyncio.timeout(TIMEOUT_S):
                await writer.wait_closed()


def _distrust(address: BrokerAddress, error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:
        case code if code == EXPIRED:
            return (
                "its certificate has expired, or the clock here is ahead: check the date here; "
                "bidswarm broker init renews the certificate"
            )
        case code if code == NOT_YET_VALID:
            return "its certificate is not valid yet, so the clock here is behind: set the date here"
        case code if code in WRONG_NAME:
            return (
                f"its certificate is not for {address.host}: use a name it is for, "
                f"or add this one with bidswarm broker init --address {address.host}"
            )
        case code if code in UNKNOWN_ISSUER and address.ca is None:
            return (
                "no authority of this system vouches for its certificate: use --profile, which holds the broker's own"
            )
        case code if code in UNKNOWN_ISSUER:
            return "the authority in the profile (broker.ca) did not sign its certificate: copy the newest profile here"
        case _:
            return f"its certificate does not hold ({error.verify_message}): see the broker's log"
