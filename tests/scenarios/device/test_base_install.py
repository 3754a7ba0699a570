"""A device needs the base install alone."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from broker import BrokerError
from scenarios.launch.run import run

EXTRAS = (
    "amqtt",
    "cryptography",
    "gymnasium",
    "matplotlib",
    "pandas",
    "pettingzoo",
    "prometheus_client",
    "pydantic",
    "pyarrow",
    "scipy",
)

WITHOUT_EXTRAS = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from scenarios.cli.main import main
main()
"""
NOWHERE = ["node", "--broker", "mqtt://127.0.0.1:1", "--host", "pi", "--market", "lab", "--timeout", "0.1"]


def without_extras(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_EXTRAS, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


@pytest.mark.parametrize(
    "role",
    [
        ["--role", "seller", "--supply-mb", "5"],
        ["--role", "buyer", "--seller", "shop", "--demand-mb", "5", "--choke-price", "2", "--strategy", "adaptive"],
    ],
    ids=["seller", "buyer"],
)
def test_a_node_runs_without_any_extra(role: list[str], tmp_path: Path) -> None:
    done = without_extras(*NOWHERE, *role, folder=tmp_path)
    assert (done.returncode, done.stderr) == (3, "")
    assert "not over in time" in done.stdout


def test_the_public_package_is_imported_without_any_extra(tmp_path: Path) -> None:
    program = WITHOUT_EXTRAS.partition("from scenarios")[0] + "import bidswarm, bidswarm.psp, bidswarm.dmp"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "command",
    [
        ["run", "two-sellers", "--world", "sim"],
        ["run", "congested"],
        ["run", "exchange-10000", "--world", "array"],
        ["sweep", "two-sellers", "--out", "runs"],
        ["compare", "two-sellers", "herd", "--no-pictures"],
    ],
    ids=lambda command: "-".join(command[:2]),
)
def test_what_a_launcher_lacks_is_named_before_it_computes(command: list[str], tmp_path: Path) -> None:
    done = without_extras(*command, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.replace("\n", " ") == (
        "error: this needs pyarrow and scipy, which the extra launcher brings; install all extras with: pip install "
        "'bidswarm[all]' "
    )
    assert not (tmp_path / "runs").exists()


def test_a_broker_that_is_missing_is_named_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("importlib.metadata.version", absent)
    monkeypatch.setattr("scenarios.launch.run.rundir.create", lambda *_: pytest.fail("too late"))
    with pytest.raises(BrokerError, match=r"the embedded broker needs amqtt: pip install"):
        run("exchange-10000", out=tmp_path)


def test_metrics_without_their_extra_say_what_to_install(tmp_path: Path) -> None:
    done = without_extras(*NOWHERE, "--role", "seller", "--supply-mb", "5", "--metrics-port", "0", folder=tmp_path)
    assert done.returncode == 2
    assert "the extra metrics" in done.stderr


def test_a_profile_with_keys_to_sign_with_needs_their_extra_and_says_so(tmp_path: Path) -> None:
    key = "A" * 43 + "="
    profile = tmp_path / "pi.toml"
    profile.touch(0o600)
    profile.write_text(
        'format = 1\nname = "pi"\nrole = "host"\n[broker]\nurl = "mqtt://127.0.0.1:1"\npassword = "p"\n'
        f'[signing]\nprivate_key = "{key}"\n[signing.public_keys]\npi = "{key}"\n'
    )
    node = ["node", "--profile", str(profile), "--market", "lab", "--role", "seller", "--supply-mb", "5"]
    done = without_extras(*node, folder=tmp_path)
    assert done.returncode == 2
    assert "the extra security" in done.stderr
