"""Options that make no sense are refused before anything is drawn, started or written."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bidswarm import run
from scenarios.errors import ScenarioError
from scenarios.launch.options import RunOptions
from scenarios.sweep.sweep import sweep

OUT_OF_RANGE: list[tuple[str, Any]] = [
    *(("timeout_s", value) for value in (math.nan, math.inf, -math.inf, -1.0)),
    *((name, value) for name in ("hosts", "parts", "port") for value in (0, -1)),
    ("port", 65_536),
    ("seed", -1),
]
FOR_MQTT = {
    "broker": "mosquitto",
    "profile": Path("launcher.toml"),
    "port": 1883,
    "hosts": 2,
    "connections": "per-node",
    "parts": 2,
    "place": "dask://127.0.0.1:1",
    "market_name": "lab",
}


@pytest.mark.parametrize(("name", "value"), OUT_OF_RANGE)
def test_a_number_out_of_its_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ScenarioError, match=rf"--{name.removesuffix('_s')} {value:g}: give "):
        RunOptions(**{name: value}).check()


@pytest.mark.parametrize(("name", "value"), FOR_MQTT.items())
@pytest.mark.parametrize("world", ["sim", "array"])
def test_what_only_a_broker_needs_is_refused_in_a_world_without_one(name: str, value: Any, world: Any) -> None:
    with pytest.raises(ScenarioError, match=f"goes with world mqtt, and the world is {world}: leave it out, or give"):
        RunOptions(world=world, **{name: value}).check()


def test_every_option_is_taken_where_it_belongs() -> None:
    RunOptions(**FOR_MQTT, timeout_s=0.0, seed=0).check()  # type: ignore[arg-type]
    RunOptions(world="sim", timeout_s=1e9, seed=10**30).check()


@pytest.mark.parametrize(
    "given",
    [
        ("--world", "sim", "--timeout", "nan"),
        ("--world", "sim", "--broker", "mosquitto"),
        ("--world", "sim", "--hosts", "2"),
        ("--hosts", "1000"),
    ],
)
def test_the_command_line_refuses_them_with_one_line_and_leaves_nothing(
    given: tuple[str, ...], said: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, stdout, stderr = said("run", "two-sellers", *given)
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert stderr.startswith(f"error: {given[-2]} {given[-1]}")
    assert not list(tmp_path.glob("runs/*"))


def test_more_processes_than_nodes_are_refused_with_the_most_that_there_can_be(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"two-sellers has 7 nodes to carry, .* give at most 7"):
        run("two-sellers", hosts=8, out=tmp_path)


def test_a_broker_that_the_environment_names_does_not_keep_a_simulation_from_running(
    said: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIDSWARM_BROKER", "mqtt://127.0.0.1:1")
    assert said("run", "two-sellers", "--world", "sim")[0] == 0


def test_a_sweep_is_refused_before_its_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="--timeout nan"):
        sweep("two-sellers", seeds=[0], timeout_s=math.nan, out=tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()
