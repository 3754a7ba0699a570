"""Who may look at the page."""

import socket

import pytest

from scenarios.errors import ScenarioError
from scenarios.live.guard import COOKIE, guard_of, orderly


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_no_token_is_needed(address: str) -> None:
    guard = guard_of(address, None)
    assert guard.token is None
    assert guard.may_look({}, "localhost:80")


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::"])
def test_elsewhere_nobody_looks_without_the_token(address: str) -> None:
    guard = guard_of(address, None)
    assert guard.token is not None
    assert len(guard.token) >= 32
    assert guard_of(address, None).token != guard.token
    assert not guard.may_look({}, "192.168.1.5:8000")
    assert not guard.may_look({f"{COOKIE}8000": guard.token[:-1]}, "192.168.1.5:8000")
    assert not guard.may_look({f"{COOKIE}8001": guard.token}, "192.168.1.5:8000")
    assert guard.may_look({f"{COOKIE}8000": guard.token}, "192.168.1.5:8000")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_on_loopback_it_is_called_as_loopback_is(host: str) -> None:
    assert guard_of("127.0.0.1", None).is_host(host)


@pytest.mark.parametrize(
    "host", [None, "", "evil.example:8000", "127.0.0.1.evil.example", "192.168.1.5", "localhost.evil"]
)
def test_a_name_that_somebody_else_made_lead_here_is_refused(host: str | None) -> None:
    assert not guard_of("127.0.0.1", None).is_host(host)


def test_elsewhere_it_is_called_by_an_address_or_as_the_machine_is() -> None:
    guard = guard_of("0.0.0.0", None)
    assert guard.is_host("192.168.1.5:8000")
    assert guard.is_host(f"{socket.gethostname()}:8000")
    assert not guard.is_host("evil.example:8000")


@pytest.mark.parametrize(
    ("origin", "is_own"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.0.0.1:8001", False),
        ("http://evil.example", False),
        ("null", False),
        (None, False),
    ],
)
def test_only_a_script_of_its_own_may_open_the_socket(origin: str | None, is_own: bool) -> None:
    assert guard_of("127.0.0.1", None).is_origin(origin, "127.0.0.1:8000") is is_own


def test_bad_options_are_named() -> None:
    with pytest.raises(ScenarioError, match="--address 'nowhere': give an IP address"):
        guard_of("nowhere", None)
    with pytest.raises(ScenarioError, match="BIDSWARM_LIVE_TOKEN has 5 characters: take 16 or more"):
        guard_of("0.0.0.0", "short")


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_nobody_orders_without_the_token_for_it(address: str) -> None:
    plain = guard_of(address, None)
    guard, host = orderly(plain), "127.0.0.1:8000"
    cookies = {f"{COOKIE}8000": str(guard.order_token)}
    assert orderly(plain).order_token != guard.order_token
    assert guard.may_order(cookies, host)
    assert guard.may_look(cookies, host)
    assert not plain.may_order(cookies, host)
    for wrong in ({}, {f"{COOKIE}8001": str(guard.order_token)}, {f"{COOKIE}8000": f"{guard.order_token}x"}):
        assert not guard.may_order(wrong, host)
    assert not guard.may_order({f"{COOKIE}8000": str(guard.token)}, host)
    assert guard.may_look({}, host) is (address == "127.0.0.1")
    assert guard.is_known(guard.order_token)
    assert not guard.is_known("wrong")
    assert not guard.is_known(None)
