import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest

from node.runtime.mqtt.loop import event_loop


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = event_loop()
    yield loop
    loop.close()


def nothing() -> None:
    pass


@pytest.mark.parametrize("watching", ["add_reader", "add_writer"])
def test_closed_socket_that_is_to_be_watched_is_no_news(
    loop: asyncio.AbstractEventLoop, watching: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as gone:
        number = gone.fileno()
    for descriptor in (number, -1):
        watch: Callable[..., None] = getattr(loop, watching)
        loop.call_soon(watch, descriptor, nothing)
    loop.run_until_complete(asyncio.sleep(0))
    assert caplog.text == ""


def test_any_other_error_of_a_callback_is_told(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    loop.call_soon(int, "no number")
    loop.run_until_complete(asyncio.sleep(0))
    assert "no number" in caplog.text
