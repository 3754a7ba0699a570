from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mqtt.conftest import Mosquitto


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[str]:
    """The address of a Mosquitto that runs already."""
    running = Mosquitto(tmp_path)
    yield f"mqtt://127.0.0.1:{running.port}"
    running.kill()
