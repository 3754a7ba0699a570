"""docs/extending.md: its files are written into one folder, and its commands are run there.

Its excerpts are compared with the files of examples/markets/double_auction.
"""

import dataclasses
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bidswarm.market import MarketKind
from bidswarm.testing import MECHANISM_LAWS, STRATEGY_LAWS
from scenarios.conformance import mechanisms
from tests.conftest import DEADLINE_S

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
EXCERPTS = [
    (match[1], text.removeprefix(match[0])) for _, text in BLOCKS if (match := re.match(r"# from (\S+\.\w+)\n", text))
]
PACKAGE = ROOT / "examples" / "markets" / "double_auction"
FILES = {match[1]: text for _, text in BLOCKS if (match := re.match(r"# (\S+\.\w+)\n", text))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, with the package of the market installed beside them."""
    made = tmp_path_factory.mktemp("extending")
    for name, text in FILES.items():
        (made / name).write_text(text, encoding="utf-8")
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(made / "site"))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(PACKAGE)], check=True)
    return made


def done(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    found = f"{ROOT}{os.pathsep}{folder / 'site'}"
    environment = {**os.environ, "PYTHONPATH": found, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S * 4,
        check=False,
    )


def test_every_block_is_a_command_or_a_file_or_an_excerpt() -> None:
    excerpts = [f"# from {name}\n{text}" for name, text in EXCERPTS]
    assert [text for language, text in BLOCKS if language != "sh" and text not in [*FILES.values(), *excerpts]] == []
    assert {"loyal.py", "tiered.py", "eager.py", "kprice.py"} < set(FILES)
    assert {name for name, _ in EXCERPTS} >= {"pyproject.toml", "double_auction/kind.py", "double_auction/machines.py"}
    assert len(COMMANDS) > 14


@pytest.mark.parametrize(("name", "text"), EXCERPTS, ids=str)
def test_excerpt_of_the_page_stands_in_the_file(name: str, text: str) -> None:
    assert text in (PACKAGE / name).read_text(encoding="utf-8")


def test_page_says_what_each_file_and_each_field_is_for() -> None:
    market = PAGE.partition("\n## A market\n")[2]
    named = set(re.findall(r"^\| `(\S+\.\w+)` \|", market, re.MULTILINE))
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.*") if path.suffix in {".py", ".toml"}}
    assert named == {name for name in files if not name.startswith("build/")} - {"double_auction/__init__.py"}
    fields = re.findall(r"^\| `(\w+)` \|", market, re.MULTILINE)
    assert fields == [field.name for field in dataclasses.fields(MarketKind)]


CODE = r"brings code: \w+:\w+ from .*\.py|is code: (loyal:Loyal|kprice:KPrice) from .*(loyal|kprice)\.py"


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_the_page_does_what_it_should(folder: Path, command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "bidswarm"
    ended = done(folder, "-m", "bidswarm", *arguments)
    assert ended.returncode == 0, ended.stderr
    if arguments == ["list"] or "call-market" in arguments:  # the installed package is no code of the scenario
        assert "call" in ended.stdout
    else:
        assert re.search(CODE, ended.stderr)


@pytest.mark.parametrize(("name", "passed"), [("test_loyal.py", "5 passed"), ("test_kprice.py", "33 passed")])
def test_tests_of_the_page_pass(folder: Path, name: str, passed: str) -> None:
    ended = done(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", name)
    assert (ended.returncode, passed in ended.stdout) == (0, True), ended.stdout


@pytest.mark.parametrize(("name", "most"), [("loyal.py", 30), ("kprice.py", 40)])
def test_one_of_your_own_is_short(name: str, most: int) -> None:
    assert len(FILES[name].splitlines()) - 1 <= most


def test_laws_of_the_page_are_those_there_are() -> None:
    assert laws_under("| law |") == [law.name for law in STRATEGY_LAWS]
    assert laws_under("| law of mechanisms |") == [law.name for law in MECHANISM_LAWS]


def laws_under(head: str) -> list[str]:
    """The first column of the table with that head."""
    return re.findall(r"^\| `([^`]+)` \|", PAGE.partition(head)[2].partition("\n\n")[0], re.MULTILINE)


def test_page_says_how_much_is_tried() -> None:
    assert f"{mechanisms.BOOKS} books and {mechanisms.BUYERS} buyers" in PAGE
    assert f"none of {mechanisms.DEVIATIONS} random bids" in PAGE
