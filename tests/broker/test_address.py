import pytest

from broker import BrokerAddress, BrokerError
from broker.address import broker_address


def test_port_defaults_to_1883() -> None:
    assert broker_address("mqtt://example.org") == BrokerAddress("example.org", 1883)


def test_user_and_password_are_percent_decoded() -> None:
    address = broker_address("mqtt://anna%40home:a%2Fb%3Ac@example.org:1884/")
    assert address == BrokerAddress("example.org", 1884, "anna@home", "a/b:c")


def test_ipv6_host_is_bracketed_in_messages() -> None:
    assert broker_address("mqtt://[::1]:1884").host_port == "[::1]:1884"


def test_password_is_in_no_representation() -> None:
    address = BrokerAddress("example.org", 1883, "anna@home", "secret")
    assert address.url == "mqtt://anna%40home@example.org:1883"
    assert "secret" not in f"{address!r} {address} {address.url}"


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://",
        "mqtt://host:port",
        "mqtt://host:0",
        "mqtt://host:65536",
        "mqtt://host/topic",
        "mqtt://host?tls=1",
        "http://host",
        "mqtt://[::1",
    ],
)
def test_malformed_url_is_named_with_the_right_form(url: str) -> None:
    with pytest.raises(BrokerError, match=r"mqtt://\[user") as caught:
        broker_address(url)
    assert url in str(caught.value)


@pytest.mark.parametrize("url", ["mqtt://u:sec/ret@host", "mqtt://u:sec#ret@host", "ws://u:sec@ret@host"])
def test_malformed_url_does_not_show_its_password(url: str) -> None:
    with pytest.raises(BrokerError) as caught:
        broker_address(url)
    assert "sec" not in str(caught.value)
    assert "ret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_mqtts_is_tls_and_its_port_8883() -> None:
    address = broker_address("mqtts://anna@example.org")
    assert address == BrokerAddress("example.org", 8883, "anna", tls=True)
    assert address.url == "mqtts://anna@example.org:8883"
