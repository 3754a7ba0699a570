"""A second opinion on what is a valid frame: plain msgpack and docs/protocol.md, no code shared with the decoder."""

import io
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgpack

from tests.protocol.lives import ME

Check = Callable[[Any], bool]


def count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def number(most: float, *, positive: bool = False) -> Check:
    def is_one(value: Any) -> bool:
        if type(value) not in {int, float} or not math.isfinite(value):
            return False
        return (value > 0 if positive else value >= 0) and value <= most

    return is_one


def list_of(check: Check) -> Check:
    return lambda value: type(value) is list and all(map(check, value))


def boolean(value: Any) -> bool:
    return type(value) is bool


def state(value: Any) -> bool:
    return value in ("upcoming", "open", "awarding", "closed") and type(value) is str


def digest(value: Any) -> bool:
    return type(value) is bytes and len(value) == 16


def one_of(*names: str) -> Check:
    return lambda value: type(value) is str and value in names


def optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def record_of(*checks: Check) -> Check:
    """A nested array with just these fields."""
    return lambda value: type(value) is list and len(value) == len(checks) and all(map(_holds, checks, value))


def _holds(check: Check, value: Any) -> bool:
    return check(value)


def is_address(value: Any) -> bool:
    host, slash, node = value.partition("/") if type(value) is str else ("", "", "")
    return bool(slash) and len(value) <= 129 and all(re.search(r"^[A-Za-z0-9_-]{1,64}$", part) for part in (host, node))


def is_name(value: Any) -> bool:
    return type(value) is str and len(value) <= 64 and bool(re.search(r"^[A-Za-z0-9_-]{1,64}$", value))


mb, some_mb, price, money = number(1e12), number(1e12, positive=True), number(1e9), number(1e21)

share, seconds, some_kbps = number(1.0), number(1e9), number(1e12, positive=True)
role = one_of("network", "terminal", "service-agent")
contract = one_of("session", "application", "flow", "location-and-paging")
wanted = record_of(seconds, is_name, contract, some_kbps, seconds)

FIELDS: dict[str, list[Check]] = {
    "advert": [count, count, mb, mb, price, state, count, digest],
    "bid": [count, count, some_mb, price, count],
    "withdraw": [count, count, count],
    "withdrawn": [count, count],
    "profile": [count, count, count, count, mb, price, mb, money, list_of(mb), list_of(price), digest],
    "hold": [count, count, count, boolean],
    "award": [count, count, count, some_mb, money],
    "accept": [count, count, count],
    "decline": [count, count, count],
    "settled": [count, count, some_mb, money],
    "void": [count, count],
    "closed": [count],
    "register": [count, role],
    "registered": [count, count],
    "deregister": [count],
    "deregistered": [count],
    "registry": [
        *(count, one_of("upcoming", "open", "closed"), list_of(is_address), list_of(share), list_of(is_address)),
    ],
    "request": [count, count, wanted, share, optional(price)],
    "invite": [count, wanted, share, share, count, optional(list_of(share))],
    "sealed-bid": [count, optional(price)],
    "contract": [count, is_address, wanted, price],
    "commit": [count],
    "decommit": [count],
    "blocked": [count],
    "report": [count, boolean],
    "noted": [count, boolean],
}


def is_message(data: bytes) -> bool:
    try:
        tag, *values = msgpack.unpackb(data, strict_map_key=False)
    except Exception:  # noqa: BLE001 - whatever it does not like
        return False
    checks = FIELDS.get(tag) if type(tag) is str else None
    return checks is not None and len(checks) == len(values) and all(c(v) for c, v in zip(checks, values, strict=True))


def envelopes(data: bytes) -> list[tuple[str, str, bytes]] | None:
    """(to, from, encoded message) of each envelope; None if it is no frame of any version, for any life."""
    try:
        reader = msgpack.Unpacker(io.BytesIO(data), strict_map_key=False)
        shape, version, life, rows = reader.read_array_header(), reader.unpack(), reader.unpack(), []
        for _ in range(reader.read_array_header()):
            width, to, of, seq, start = reader.read_array_header(), *(reader.unpack() for _ in range(3)), reader.tell()
            reader.skip()
            rows.append((to, of, data[start : reader.tell()]))
            if width != 4 or not (is_name(to) and is_name(of) and count(seq)):
                return None
    except Exception:  # noqa: BLE001 - whatever it does not like
        return None
    is_life = type(life) is bytes and len(life) == 8
    return rows if shape == 3 and type(version) is int and is_life and reader.tell() == len(data) else None


def verdicts(data: bytes, nodes: set[str]) -> Counter[str]:
    """What the counters of the host ``me`` with these nodes must show for a frame, before its nodes have their say."""
    rows = envelopes(data)
    if rows is None:
        return Counter({"rejected: malformed frame": 1})
    head = msgpack.Unpacker(io.BytesIO(data[1:]))
    if head.unpack() != 1:
        return Counter({"rejected: unknown version": 1})
    if head.unpack() != ME:
        return Counter({"rejected: another life": 1})
    found: Counter[str] = Counter()
    for to, of, message in rows:
        if to not in nodes:
            found["rejected: unknown node"] += 1
        elif of.endswith("\n"):
            found["rejected: malformed address"] += 1
        elif not is_message(message):
            found["rejected: malformed message"] += 1
        else:
            found["received"] += 1
    return found
