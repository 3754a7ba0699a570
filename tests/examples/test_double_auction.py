"""The market in examples/markets, installed as a package of its own: all of bidswarm works with it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "examples" / "markets" / "double_auction"

Said = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """Runs Python with the package installed beside bidswarm; the exit code, and what was printed."""
    site = tmp_path_factory.mktemp("site")
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(site))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(PACKAGE)], check=True)
    beside = str(Path(sys.executable).parent)
    environment = os.environ | {"PYTHONPATH": str(site), "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=site)
        return done.returncode, done.stdout + done.stderr

    return run


def test_tests_of_the_package_pass(said: Said) -> None:
    code, text = said("pytest", "--quiet", "-p", "no:cacheprovider", str(PACKAGE / "tests"))
    assert code == 0, text


def test_scenario_of_the_package_is_listed_and_checked(said: Said) -> None:
    assert "call-market" in said("bidswarm", "list")[1]
    assert "a call of 40 traders" in said("bidswarm", "check", "call-market")[1]
    assert "double-auction" in said("bidswarm", "schema")[1]


def test_errors_are_as_good_as_ours(said: Said) -> None:
    code, text = said("bidswarm", "run", "call-market", "--set", "traders.0.shade=2")
    assert (code, "traders.0.shade = 2: must be a number from 0 to 1" in text) == (2, True), text


def test_expectations_and_exit_codes_hold_for_it(said: Said, tmp_path: Path) -> None:
    unmet = 'chaos.expect=[{kind="efficiency", at_least=0.99}]'
    options = ("--world", "sim", "--set", "traders.1.shade=0.5", "--set", unmet, "--out", str(tmp_path))
    code, text = said("bidswarm", "run", "call-market", *options, "--format", "json")
    summary = json.loads(text)
    assert (code, summary["status"], summary["expectations"][0]["held"]) == (5, "settled", False)


def test_no_line_of_ours_names_it() -> None:
    ours = [path for room in ("bidswarm", "node", "broker", "scenarios") for path in (ROOT / room).rglob("*.py")]
    assert ours
    assert not any(name in path.read_text() for path in ours for name in ("double_auction", "double-auction"))


def test_package_is_as_small_as_promised() -> None:
    files = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".toml"} and "build" not in path.parts]
    assert sum(len(path.read_text().splitlines()) for path in files) < 620
