"""docs/extending.md: its files are written into one folder, and its commands are run there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_S

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
FILES = {match[1]: text for _, text in BLOCKS if (match := re.match(r"# (\S+\.\w+)\n", text))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("extending")
    for name, text in FILES.items():
        (made / name).write_text(text, encoding="utf-8")
    return made


def done(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S * 4,
        check=False,
    )


def test_every_block_is_a_command_or_a_file() -> None:
    assert [text for language, text in BLOCKS if language != "sh" and text not in FILES.values()] == []
    assert {"loyal.py", "tiered.py", "eager.py"} < set(FILES)
    assert len(COMMANDS) > 6


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_the_page_does_what_it_should(folder: Path, command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "bidswarm"
    ended = done(folder, "-m", "bidswarm", *arguments)
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"brings code: \w+:\w+ from .*\.py|is code: loyal:Loyal from .*loyal\.py", ended.stderr)


def test_tests_of_the_page_pass(folder: Path) -> None:
    ended = done(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_loyal.py")
    assert (ended.returncode, "5 passed" in ended.stdout) == (0, True), ended.stdout


def test_a_strategy_takes_30_lines_at_most() -> None:
    assert len(FILES["loyal.py"].splitlines()) - 1 <= 30


def test_laws_of_the_page_are_those_there_are() -> None:
    from bidswarm.testing import STRATEGY_LAWS  # noqa: PLC0415

    rows = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert rows == [law.name for law in STRATEGY_LAWS]
