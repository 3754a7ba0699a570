"""The limit of open files is raised as far as the system allows it, and named where that is too little."""

import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.open_files import SPARE, allow, limit

resource = pytest.importorskip("resource")


def with_limits(soft: int, hard: int, program: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own that may have so many open files."""
    limited = f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n{program}"
    return subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, check=False)


ALLOW = "from scenarios.open_files import allow, limit\nallow({connections})\nprint(limit())"


@pytest.mark.parametrize(
    ("soft", "connections", "after"), [(100, 100, 100 + SPARE), (100, 100_000, None), (400, 100, 400), (100, 10, 100)]
)
def test_the_limit_is_raised_by_what_is_needed_up_to_the_hard_one(
    soft: int, connections: int, after: int | None
) -> None:
    done = with_limits(soft, 500, ALLOW.format(connections=connections))
    if after is not None:
        assert (done.stdout, done.stderr) == (f"{after}\n", "")
    else:
        assert "a process may have 500 open files here (ulimit -Hn), and this run needs 100,064" in done.stderr
        assert done.stdout == ""


def test_without_a_limit_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: pytest.fail("changed"))
    assert limit() is None
    allow(10**9)


def test_a_run_that_needs_more_is_refused_before_it_begins(tmp_path: Path) -> None:
    arguments = ["bidswarm", "run", "neighbourhood", "--connections", "per-node", "--out", str(tmp_path / "runs")]
    done = with_limits(100, 100, f"import sys\nsys.argv = {arguments}\nfrom scenarios.cli.main import main\nmain()")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "this run needs 124 for 60 connections" in done.stderr.replace("\n", "")
    assert "--connections per-host" in done.stderr
    assert not (tmp_path / "runs").exists()
