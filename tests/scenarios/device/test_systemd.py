"""The systemd unit of a node."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.device.systemd import quoted

COMMAND = [sys.executable, "-m", "scenarios.cli.main", "node", "service"]
SELLER = ["--market", "lab", "--role", "seller", "--supply-mb", "5"]


def printed(*arguments: str) -> str:
    done = subprocess.run([*COMMAND, *SELLER, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def unit() -> str:
    return printed("--broker", "mqtt://pi.local", "--host", "pi", "--wait")


def setting(unit: str, key: str) -> str:
    (line,) = [line for line in unit.splitlines() if line.startswith(f"{key}=")]
    return line.partition("=")[2]


def test_it_starts_the_node_with_the_same_options(unit: str) -> None:
    program, _, arguments = setting(unit, "ExecStart").partition(" node start ")
    assert Path(program.split()[0]).is_absolute()
    assert arguments == "--broker=mqtt://pi.local --host=pi --market=lab --role=seller --supply-mb=5.0 --wait"


def test_the_journal_has_a_folder_that_outlives_the_service(unit: str) -> None:
    assert setting(unit, "StateDirectory") == "bidswarm/lab-pi"
    assert setting(unit, "WorkingDirectory") == "%S/bidswarm/lab-pi"


def test_it_starts_again_after_a_crash_but_not_where_that_is_hopeless(unit: str) -> None:
    assert setting(unit, "Type") == "exec"
    assert setting(unit, "Restart") == "on-failure"
    assert setting(unit, "RestartPreventExitStatus") == "2 3 4"


def test_it_is_confined(unit: str) -> None:
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "read-only",
        "CapabilityBoundingSet": "",
        "MemoryMax": "128M",
        "UMask": "0077",
    }.items():
        assert setting(unit, key) == value


def test_paths_hold_in_any_folder_and_a_journal_stays_in_the_services(tmp_path: Path) -> None:
    profile = tmp_path / "pi.toml"
    profile.touch(0o600)
    profile.write_text('format = 1\nname = "pi"\nrole = "host"\n[broker]\nurl = "mqtts://x"\npassword = "secret-1"\n')
    unit = printed("--profile", str(profile), "--journal", "own.sqlite")
    assert f"--profile={profile}" in setting(unit, "ExecStart")
    assert "--journal=own.sqlite" in setting(unit, "ExecStart")
    assert "secret-1" not in unit


def test_it_holds_no_password() -> None:
    arguments = [*COMMAND, *SELLER, "--broker", "mqtt://pi:secret-1@pi.local"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "secret-1" not in done.stdout + done.stderr
    assert "--broker must hold no password: use --profile" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("argument", "written"),
    [("a", "a"), ("", '""'), ("a b", '"a b"'), ("50%", "50%%"), ("$HOME", "$$HOME"), ('a"b\\', '"a\\"b\\\\"')],
)
def test_arguments_are_quoted_for_systemd(argument: str, written: str) -> None:
    assert quoted(argument) == written


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="NOT CHECKED: systemd-analyze is not installed")
def test_systemd_takes_it(unit: str, tmp_path: Path) -> None:
    path = tmp_path / "bidswarm-test.service"
    path.write_text(unit)
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
