"""A scenario of one's own, and scenario names that the shell completes."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scenarios.files.commented import to_commented_toml
from scenarios.markets.load import load, parse, read, shipped
from scenarios.markets.registry import kind_of

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def answers(monkeypatch: pytest.MonkeyPatch, *given: str) -> list[str]:
    """Somebody at a terminal who answers so; what is asked."""
    asked: list[str] = []
    left = iter(given)

    def prompt(text: str, default: Any, **_: Any) -> Any:
        asked.append(f"{text} [{default}]")
        return type(default)(next(left) or default)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", prompt)
    return asked


def test_a_new_scenario_runs(said: Said) -> None:
    code, stdout, stderr = said("new", "mine.toml", "--set", "buyers.0.count=4")
    assert (code, stderr) == (0, "")
    assert stdout.startswith("mine.toml: 4 buyers, 10 sellers with ")
    assert "run it with: bidswarm run mine.toml --world sim" in stdout
    assert said("run", "mine.toml", "--world", "sim", "--no-pictures")[0] == 0


def test_on_a_terminal_it_asks_what_market_and_how_many(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, "", "3", "")
    assert said("new", "mine.toml")[1].startswith("mine.toml: 50 buyers, 3 sellers with ")
    assert asked == [
        "Which scenario is it to begin as? [neighbourhood]",
        "How many sellers? [10]",
        "How many buyers? [50]",
    ]


def test_of_another_market_it_asks_about_that(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(monkeypatch, "2", "5")
    code, stdout, _ = said("new", "calls.toml", "--like", "network-selection")
    assert (code, asked) == (0, ["How many operators? [3]", "How many terminals? [20]"])
    assert "500 calls of 5 terminals" in stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("there.toml",), "there.toml is there already: give another name"),
        (("mine",), "mine: the name of a scenario file ends in .toml: give mine.toml"),
        (("mine.toml", "--like", "neighborhood"), "did you mean neighbourhood?"),
        (("mine.toml", "--set", "sellers.0.count=2"), "buyers.0.sellers_each = 3: there can be 2 at most"),
        (("no-folder/mine.toml",), "cannot write no-folder/mine.toml: No such file or directory"),
        (("a b.toml",), "name = 'a b': must be 1 to 64 of the characters"),
    ],
)
def test_what_cannot_be_written_is_refused(arguments: tuple[str, ...], words: str, said: Said) -> None:
    Path("there.toml").write_text("mine")
    code, _, stderr = said("new", *arguments)
    assert code == 2
    assert words in stderr
    assert "Errno" not in stderr
    assert [path.name for path in Path().glob("*")] == ["there.toml"]


@pytest.mark.parametrize("name", shipped())
def test_a_commented_file_is_the_same_scenario_and_its_comments_are_the_defaults(name: str) -> None:
    scenario = load(name)
    text = to_commented_toml(read(name).tables, kind_of(scenario).scenario)
    assert parse(tomllib.loads(text), name) == scenario
    uncommented = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    assert parse(tomllib.loads(uncommented), name) == scenario


def test_every_key_has_its_meaning_but_for_those_that_choose_the_kind_of_a_table() -> None:
    text = to_commented_toml(read("neighbourhood").tables, kind_of(load("neighbourhood")).scenario)
    bare = [line for line in text.splitlines() if " = " in line and "  # " not in line]
    assert bare == ['kind = "parabolic"', 'kind = "adaptive"']


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("bidswarm run two", {"two-sellers"}),
        ("bidswarm sweep neigh", {"neighbourhood"}),
        ("bidswarm host exchange-10000", {"exchange-10000"}),
        ("bidswarm check cong", {"congested"}),
        ("bidswarm run my", {"my-own.toml"}),
        ("bidswarm do", {"doctor"}),
    ],
)
def test_a_shell_completes_commands_and_scenarios(words: str, completed: set[str]) -> None:
    Path("my-own.toml").touch()
    place = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_BIDSWARM_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-m", "scenarios.cli.entry"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **place},
    )
    assert set(done.stdout.split()) == completed


def test_completion_can_be_installed(said: Said) -> None:
    stdout = said("--help")[1]
    assert "--install-completion" in stdout
    assert "--show-completion" in stdout
