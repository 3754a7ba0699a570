import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.local.mosquitto import mosquitto_program
from tests.conftest import wait_until
from tests.pictures import without_pictures

LONG = ("--set", "auction.quiet_period_s=60")
"""A market that stays open until something happens to it."""


@pytest.fixture(scope="module", autouse=True)
def pictures() -> Iterator[None]:
    """None are drawn; a module that looks at some overrides this."""
    with without_pictures():
        yield


class Mosquitto:
    def __init__(self, folder: Path, *lines: str) -> None:
        """Start it with these lines in its configuration, too."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text(
            "\n".join(
                [
                    f"listener {self.port} 127.0.0.1",
                    "allow_anonymous true",
                    "set_tcp_nodelay true",
                    "persistence false",
                    *lines,
                    "",
                ]
            )
        )
        self.start()

    def start(self) -> None:
        program = str(mosquitto_program())
        self.process = subprocess.Popen([program, "-c", str(self._configuration)], stderr=subprocess.DEVNULL)
        wait_until(self._listens, "mosquitto listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path)
    yield running
    running.kill()
