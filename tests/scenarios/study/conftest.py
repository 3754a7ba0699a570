from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Command


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Command]]:
    """Starts ``bidswarm study`` with a folder of its own for the results."""
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        out: Path = tmp_path_factory.mktemp("study") / "runs"
        started.append(Command(["study", *arguments, *([] if "--out" in arguments else ["--out", str(out)])], out))
        return started[-1]

    yield start
    for command in started:
        if command.process.poll() is None:
            command.process.kill()
        command.process.communicate()
