"""What keeps ``make`` from setting up is one line with the remedy, and leaves nothing behind."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65534


@pytest.fixture
def clone() -> Iterator[Path]:
    """A folder with all that ``make`` looks at before it sets up; open to everybody, unlike pytest's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for name in ("Makefile", "requirements-pip.lock"):
        shutil.copy(ROOT / name, folder)
    yield folder
    shutil.rmtree(folder)


def python(folder: Path, before: str) -> Path:
    """A Python in which this code has run before all else."""
    program = folder / "some-python"
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1" = --version ] && exec echo Python 3.10.13\n'
        f'exec {sys.executable} -c "{before}\nimport sys; exec(sys.argv[2])" "$@"\n'
    )
    program.chmod(0o755)
    return program


def made(clone: Path, *arguments: str, user: int | None = None) -> str:
    """What ``make`` says, in a folder in which it cannot set up."""
    command = ["make", "--no-print-directory", ".venv/pip-ready", *arguments]
    # Within the make that runs the tests, make says how deep it is.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, cwd=clone, env=outside, capture_output=True, text=True, check=False, user=user)
    assert done.returncode == 2
    assert not (clone / ".venv").exists()
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.startswith("make: ***")
    assert len(done.stderr.splitlines()) == 1
    return done.stdout


def test_old_python_is_told_which_is_needed(clone: Path) -> None:
    old = python(clone, "import sys; sys.version_info = (3, 10, 13)")
    said = made(clone, f"PYTHON={old}")
    assert said == (
        f"bidswarm needs Python 3.11 or newer, and {old} is Python 3.10.13: "
        "install one, or name it: make PYTHON=/path/to/python3.11\n"
    )


def test_no_python_is_told_which_is_needed(clone: Path) -> None:
    assert made(clone, "PYTHON=").startswith("bidswarm needs Python 3.11 or newer, and python3 is Python 3.")


def test_python_without_venv_is_told_how_to_get_it(clone: Path) -> None:
    bare = python(clone, "import sys; sys.modules['ensurepip'] = None")
    said = made(clone, f"PYTHON={bare}")
    assert said.startswith(f"{bare} cannot make environments, since it lacks venv: install that (Debian, Ubuntu: apt")


def test_folder_that_may_not_be_written_is_named(clone: Path) -> None:
    clone.chmod(0o555)
    said = made(clone, user=NOBODY if os.getuid() == 0 else None)
    assert said.startswith(f"bidswarm sets itself up in {clone}/.venv, but ")
    assert said.endswith("clone it into a folder of your own\n")
    clone.chmod(0o755)


def test_set_up_that_was_broken_off_begins_anew(clone: Path) -> None:
    """A ``.venv`` without its stamp is what an interrupted set-up leaves."""
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").write_text("half of it")
    command = ["make", "--dry-run", ".venv/pip-ready", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True)
    assert f"{sys.executable} -m venv --clear .venv" in done.stdout
