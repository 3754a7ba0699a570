from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scenarios.cli import main as cli
from tests.pictures import without_pictures

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module", autouse=True)
def pictures() -> Iterator[None]:
    """None are drawn; a module that looks at some overrides this."""
    with without_pictures():
        yield


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """The browser of this system, for modules that need Chromium."""
    from tests.scenarios.live.browser import started  # noqa: PLC0415 - few modules need it

    with started() as found:
        yield found


@pytest.fixture
def no_pictures() -> Iterator[None]:
    """For single tests of such a module."""
    with without_pictures():
        yield


@pytest.fixture
def said(
    main: Callable[..., int], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Runs ``bidswarm`` in this process: exit code, stdout and stderr; folders of runs go to ``runs``."""

    def run(*arguments: str) -> tuple[int, str, str]:
        out = ("--out", str(tmp_path / "runs")) if arguments[0] == "run" else ()
        capfd.readouterr()
        return main(*arguments, *out), *capfd.readouterr()

    return run


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs ``bidswarm`` in this process, which is quicker; its exit code."""

    def run(*arguments: str) -> int:
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr("sys.argv", ["bidswarm", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return ended.value.code

    return run
