"""What a device needs to take part in a market, checked by doing it (docs/security.md)."""

import ssl
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import msgspec

from broker import BrokerAddress, BrokerError
from broker.capability import logged_in, require_services
from broker.load import BURST, check_load
from broker.names import is_name
from broker.profile import Role
from broker.reachability import require_tcp, tls_facts
from node.protocol.topics import Topics
from node.protocol.wire.frames import MAX_FRAME_BYTES
from scenarios.doctor.intrusion import succeeded
from scenarios.open_files import limit

Verdict = Literal["ok", "failed", "skipped"]
Finding = tuple[Verdict, str]

FEWEST_FILES = 256
"""Open files that one host with its journal and its logs stays well below."""

OLDEST_DATE = datetime(2025, 1, 1, tzinfo=UTC)
"""A clock that shows an earlier date is wrong; a Raspberry Pi without a network may start in 1970."""

DAY_S = 86_400.0
RENEW_DAYS = 30
ROUND_TRIPS = 20
LONGEST_ROUND_TRIP_S = 1.0


class Check(msgspec.Struct, frozen=True):
    """One line of the report; ``text`` says what was found, and the remedy if it failed."""

    check: str
    verdict: Verdict
    text: str


async def examine(address: BrokerAddress, role: Role, *, tries_rules: bool = True) -> AsyncIterator[Check]:
    """Each check in turn; what needs a connection is skipped once there is none."""
    yield Check("clock", *_clock(address))
    yield Check("open files", *_open_files())
    is_connected = True
    for name, examination in EXAMINATIONS:
        if not is_connected:
            finding: Finding = "skipped", "it needs what failed above"
        elif name == "access rules" and not tries_rules:
            finding = "skipped", "as --no-acl-check says"
        else:
            finding = await _finding(examination(address, role))
        is_connected = is_connected and not (name in CONNECTING and finding[0] == "failed")
        yield Check(name, *finding)


async def _finding(examination: Awaitable[Finding]) -> Finding:
    try:
        return await examination
    except BrokerError as error:
        return "failed", str(error)


def _clock(address: BrokerAddress) -> Finding:
    """Check the clock against the dates of the profile's certificate authority, since MQTT tells no time."""
    now = datetime.now(UTC)
    said = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    since, until = OLDEST_DATE, datetime.max.replace(tzinfo=UTC)
    if address.ca:
        (authority, *_) = ssl.create_default_context(cadata=address.ca).get_ca_certs()
        since, until = (
            datetime.fromtimestamp(ssl.cert_time_to_seconds(str(authority[key])), UTC)
            for key in ("notBefore", "notAfter")
        )
    if not since <= now <= until:
        return "failed", f"{said} is not between {since:%Y-%m-%d} and {until:%Y-%m-%d}: set the clock, best by NTP"
    return "ok", f"{said}, a possible date; it was not compared with other clocks"


def _open_files() -> Finding:
    allowed = limit()
    if allowed is not None and allowed < FEWEST_FILES:
        return "failed", f"at most {allowed}, and {FEWEST_FILES} are needed: ulimit -n 1024"
    return "ok", "no limit" if allowed is None else f"up to {allowed}"


async def _broker(address: BrokerAddress, role: Role) -> Finding:
    del role
    await require_tcp(address)
    return "ok", f"something listens at {address.host_port}"


async def _tls(address: BrokerAddress, role: Role) -> Finding:
    del role
    if not address.tls:
        return "skipped", "mqtt:// has none: whoever is on the network reads and changes everything"
    facts = await tls_facts(address)
    days = int((facts.valid_until - time.time()) / DAY_S)
    if days < RENEW_DAYS:
        return (
            "failed",
            f"the broker's certificate ends in {days} days: run bidswarm broker init again, then restart it",
        )
    return "ok", f"{facts.version}, the certificate holds for {days} days"


async def _login(address: BrokerAddress, role: Role) -> Finding:
    async with logged_in(address):
        return "ok", "without a login" if address.username is None else f"as {address.username}, {role}"


async def _services(address: BrokerAddress, role: Role) -> Finding:
    if role == "observer":
        return "skipped", "an observer publishes nothing"
    async with logged_in(address) as client:
        await require_services(client, address)
    return "ok", "QoS 1, retained messages and last wills arrive"


async def _limits(address: BrokerAddress, role: Role) -> Finding:
    if role == "observer":
        return "skipped", "an observer publishes nothing"
    took_s = await check_load(address, MAX_FRAME_BYTES)
    return "ok", f"a message of {MAX_FRAME_BYTES:,} bytes and {BURST} at once arrive, in {took_s:.2f} s"


async def _access_rules(address: BrokerAddress, role: Role) -> Finding:
    user = address.username or ""
    if not is_name(user):
        who = "nobody logs in" if address.username is None else f"{user!r} is no name of a host"
        return "failed", f"{who}, so the broker cannot tell hosts apart: {REMEDY}"
    if passed := await succeeded(address, role, user):
        return "failed", f"{user} could {', '.join(passed)}: {REMEDY}"
    return "ok", f"the broker refuses what {user} may not do"


REMEDY = "set the broker up with bidswarm broker init, or give --no-acl-check where all trust each other"


async def _round_trip(address: BrokerAddress, role: Role) -> Finding:
    del role
    user = address.username or ""
    topics = Topics(f"doctor-{uuid4().hex[:12]}")
    host = user if is_name(user) else "doctor"
    async with logged_in(address) as client:
        times_s = []
        for _ in range(ROUND_TRIPS):
            started = time.monotonic()
            await client.publish(topics.inbox(host, host), b"doctor", qos=1)  # acknowledged even if it is refused
            times_s.append(time.monotonic() - started)
    median_s = statistics.median(times_s)
    said = (
        f"{median_s * 1e3:.1f} ms to publish with QoS 1, the median of {ROUND_TRIPS}; {max(times_s) * 1e3:.1f} at most"
    )
    if median_s > LONGEST_ROUND_TRIP_S:
        return "failed", f"{said}: find a better network, or raise retry_s and quiet_period_s of the auction"
    return "ok", said


Examination = Callable[[BrokerAddress, Role], Awaitable[Finding]]
EXAMINATIONS: tuple[tuple[str, Examination], ...] = (
    ("broker", _broker),
    ("TLS", _tls),
    ("login", _login),
    ("services", _services),
    ("limits", _limits),
    ("access rules", _access_rules),
    ("round trip", _round_trip),
)
CONNECTING = ("broker", "TLS", "login")
