"""The wheel and the sdist, installed outside the tree with every Python there is, base alone and all extras.

``make smoke`` runs these; they need an installation tool's minutes, and the registry.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
PAPERS_EXAMPLE = re.compile(r"welfare 207\.8000 of at most 207\.8000 \(100\.0000%\)\s+sold 150\.00 of 150\.00 MB")


def interpreter(version: str) -> str | None:
    """A Python of that version: this one, the one on the path, or the newest that pyenv keeps."""
    if version == THIS:
        return sys.executable
    found = [shutil.which(f"python{version}")]
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
        found += sorted(map(str, Path(root).glob(f"versions/{version}.*/bin/python")), reverse=True)
    for program in filter(None, found):
        asked = [program, "-c", "import ensurepip, venv"]
        if subprocess.run(asked, capture_output=True, check=False).returncode == 0:
            return program
    return None


def ended(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command that has run outside the tree and without what the tests' environment sets."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    clean["COLUMNS"] = "200"
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)


def done(*command: str | Path, cwd: Path) -> str:
    """What a command printed that must succeed."""
    one = ended(*command, cwd=cwd)
    assert one.returncode == 0, f"{command}\n{one.stdout}\n{one.stderr}"
    return one.stdout


@dataclass(frozen=True)
class Build:
    """A wheel, and the Python that shall run it."""

    python: str
    wheel: Path


@dataclass(frozen=True)
class Environment:
    """A folder outside the tree with an environment of its own."""

    folder: Path

    @property
    def programs(self) -> Path:
        return self.folder / "venv" / "bin"

    def runs(self, program: str, *arguments: str | Path) -> str:
        return done(self.programs / program, *arguments, cwd=self.folder)

    def fails(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return ended(self.programs / "bidswarm", *arguments, cwd=self.folder)


def installed(build: Build, folder: Path, lock: str, extra: str = "") -> Environment:
    """What the lock pins; then the wheel, which must ask for nothing besides."""
    done(build.python, "-m", "venv", folder / "venv", cwd=folder)
    environment = Environment(folder)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install")
    for pinned in ("requirements-pip.lock", lock):
        environment.runs("python", *pip, "--require-hashes", "--requirement", ROOT / pinned)
    environment.runs("python", *pip, "--no-index", f"bidswarm{extra} @ {build.wheel.as_uri()}")
    return environment


def built(kind: str, folder: Path) -> Path:
    """A wheel made from the tree, or made from the sdist that was made from the tree."""
    done(sys.executable, "-m", "hatchling", "build", "--directory", folder, "--target", kind, cwd=ROOT)
    if kind == "sdist":
        (sdist,) = folder.glob("*.tar.gz")
        pip = ("-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation", "--no-index")
        done(sys.executable, *pip, "--wheel-dir", folder, sdist, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="class")
def build(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Build:
    kind, version = request.cls.kind, request.cls.version
    python = interpreter(version)
    if python is None:
        pytest.skip(f"NOT TESTED WITH PYTHON {version}: it is not installed here")
    return Build(python, built(kind, tmp_path_factory.mktemp("dist")))


@pytest.fixture(scope="class")
def base(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return installed(build, tmp_path_factory.mktemp("base"), "requirements-base.lock")


@pytest.fixture(scope="class")
def everything(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return installed(build, tmp_path_factory.mktemp("all"), "requirements.lock", "[all]")


@pytest.mark.install
class Smoke:
    """A class for each build, since a worker takes a class as a whole, and its environments are made once."""

    kind = "wheel"
    version = THIS

    def test_base_helps(self, base: Environment) -> None:
        assert base.runs("python", "-m", "bidswarm", "--version").startswith("bidswarm 0.")
        helped = base.runs("bidswarm", "--help")
        assert all(command in helped for command in ("run", "node", "broker", "doctor", "ledger", "study"))

    def test_base_carries_a_node(self, base: Environment) -> None:
        """No broker is there: it says so and ends."""
        nowhere = ("--broker", "mqtt://127.0.0.1:1", "--market", "lab", "--host", "pi", "--timeout", "0.1")
        node = base.fails("node", *nowhere, "--role", "seller", "--supply-mb", "5")
        assert (node.returncode, node.stderr) == (3, "")

    def test_base_says_which_extras_a_launcher_needs(self, base: Environment) -> None:
        run = base.fails("run", "two-sellers")
        assert run.returncode == 2
        assert "pip install 'bidswarm[all]'" in run.stderr

    def test_all_extras_need_nothing_besides(self, everything: Environment) -> None:
        assert everything.runs("python", "-m", "pip", "check").startswith("No broken requirements")
        assert everything.runs("bidswarm", "--help")

    @pytest.mark.parametrize("world", [("--world", "sim"), ()], ids=["sim", "embedded"])
    def test_the_papers_example_settles(self, everything: Environment, world: tuple[str, ...]) -> None:
        assert PAPERS_EXAMPLE.search(everything.runs("bidswarm", "run", "two-sellers", *world))


class TestSdist(Smoke):
    kind = "sdist"


class TestPython311(Smoke):
    version = "3.11"


class TestPython312(Smoke):
    version = "3.12"


class TestPython313(Smoke):
    version = "3.13"


class TestPython314(Smoke):
    version = "3.14"
