"""The command as its users and their scripts see it."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import Command

SIM = ("--world", "sim")
KEYS = {
    "scenario": str,
    "seed": int,
    "world": str,
    "broker": (str, type(None)),
    "nodes": int,
    "status": str,
    "duration_s": float,
    "messages": int,
    "bytes": int,
    "run_dir": str,
    "faults": list,
    "expectations": list,
    "dropped_records": dict,
    "rejected_from": dict,
    "throttled": dict,
    "mechanism": str,
    "bids": int,
    "welfare": float,
    "optimum": float,
    "gains_from_trade": float,
    "most_gains": float,
    "liquid_welfare": (float, type(None)),
    "most_liquid_welfare": (float, type(None)),
    "liquid_gains_from_trade": (float, type(None)),
    "most_liquid_gains": (float, type(None)),
    "efficiency": float,
    "efficiency_of": str,
    "efficiencies": dict,
    "efficiency_loss": float,
    "efficiency_loss_bound": (float, type(None)),
    "no_bound_because": (str, type(None)),
    "epsilon_gap": float,
    "gap_in_epsilons": (float, type(None)),
    "truthfulness_gap": float,
    "buyers_at_a_loss": int,
    "largest_loss": float,
    "buyers_over_budget": int,
    "largest_excess": float,
    "jain_index": float,
    "mean_envy": (float, type(None)),
    "supply": float,
    "sold": float,
    "revenue": float,
    "allocations": list,
    "optimum_is": str,
    "exposed_sellers": dict,
    "exposed_by": dict,
    "struck_out": dict,
    "disputed_sales": list,
    "advice": list,
}


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


@pytest.mark.usefixtures("no_pictures")
def test_json_is_one_object_with_the_documented_keys_and_nothing_else(bidswarm: Callable[..., Command]) -> None:
    code, stdout, _ = bidswarm("run", "two-sellers", *SIM, "--seed", "7", "--format", "json").finished()

    summary = json.loads(stdout)
    assert code == 0
    assert stdout.count("\n") == 1
    assert list(summary) == list(KEYS)
    assert all(isinstance(summary[key], kind) for key, kind in KEYS.items())
    assert (summary["scenario"], summary["seed"], summary["world"]) == ("two-sellers", 7, "sim")
    assert {tuple(row) for row in summary["allocations"]} == {("buyer", "seller", "quantity", "charge")}


def test_a_run_prints_who_bought_what_and_how_good_that_is(bidswarm: Callable[..., Command]) -> None:
    code, stdout, _ = bidswarm("run", "two-sellers", *SIM).finished()

    assert code == 0
    assert "A      2       25.0000" in stdout
    assert (
        "2       closed  85.0000  85.0000   0.8500       1.0000\n"
        in "\n".join(map(str.rstrip, stdout.splitlines())) + "\n"
    )
    assert "settled after" in stdout
    assert "(100.0000%)" in stdout


@pytest.mark.usefixtures("no_pictures")
def test_the_same_seed_gives_the_same_figures(bidswarm: Callable[..., Command]) -> None:
    options = ("run", "neighbourhood", *SIM, "--set", "buyers.0.count=6", "--set", "sellers.0.count=3")
    outputs = [json.loads(bidswarm(*options, "--format", "json").finished()[1]) for _ in range(2)]

    for summary in outputs:
        del summary["run_dir"]
    assert outputs[0] == outputs[1]


@pytest.mark.usefixtures("no_pictures")
def test_a_market_that_does_not_settle_in_time_exits_with_3(said: Callable[..., tuple[int, str, str]]) -> None:
    code, stdout, _ = said("run", "two-sellers", *SIM, "--timeout", "0.5")

    assert code == 3
    assert "not settled before the timeout" in stdout
    assert "advice: No auction closes in less than 1 s: raise timeout_s (or --timeout)" in stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "two-seller", *SIM), 2, ["two-seller", "did you mean two-sellers"]),
        (("run", "two-sellers", *SIM, "--set", "auction.quiet_s=1"), 2, ["auction.quiet_s", "quiet_period_s"]),
        (("run", "two-sellers", *SIM, "--set", "network.loss=1.5"), 2, ["network.loss", "1.5", "below 1"]),
        (("run", "two-sellers", *SIM, "--set", "oops"), 2, ["--set", "oops", "key=value"]),
        (("run", "two-sellers", "--world", "moon"), 2, ["moon", "mqtt"]),
        (("run", "two-sellers", "--broker", "rabbit"), 4, ["rabbit", "embedded, mosquitto"]),
        (("run", "two-sellers", "--broker", "mqtt://me:secret@127.0.0.1:1"), 4, ["127.0.0.1:1", "start the broker"]),
        (("check", "no-such.toml"), 2, ["no-such.toml"]),
    ],
)
def test_a_mistake_is_answered_with_the_remedy(
    arguments: tuple[str, ...],
    code: int,
    words: list[str],
    said: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
) -> None:
    got, stdout, stderr = said(*arguments)

    assert got == code
    assert stdout == ""
    assert all(word in stderr for word in words), stderr
    assert "secret" not in stderr
    assert "Traceback" not in stderr
    assert not list(tmp_path.glob("runs/*"))


def test_a_taken_port_is_named_and_exits_with_4(bidswarm: Callable[..., Command]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, stderr = bidswarm("run", "two-sellers", "--port", port).finished()

    assert code == 4
    assert port in stderr
    assert "--port" in stderr


def test_list_names_every_shipped_scenario(said: Callable[..., tuple[int, str, str]]) -> None:
    names = {row["name"] for row in json.loads(said("list", "--format", "json")[1])}

    assert {"two-sellers", "neighbourhood", "single-auction"} <= names


def test_what_show_prints_is_a_scenario_of_its_own(said: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(said("show", "two-sellers")[1])
    code, stdout, _ = said("check", str(own))

    assert code == 0
    assert "5 buyers, 2 sellers with 150 MB" in stdout


def test_the_schema_is_a_valid_json_schema(said: Callable[..., tuple[int, str, str]]) -> None:
    schema = json.loads(said("schema")[1])

    jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "x", "sellers": [], "buyers": []}, schema)


@pytest.mark.parametrize(("more", "loaded"), [("", False), ("import scenarios.device.command", True)])
def test_the_command_line_is_there_before_numpy_is_loaded(more: str, loaded: bool) -> None:
    """So that help comes quickly, and a node can tell numpy to do without threads."""
    program = f"import sys, scenarios.cli.main\n{more}\nprint('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)


def test_a_market_that_is_not_installed_is_named_with_its_file(
    bidswarm: Callable[..., Command], tmp_path: Path
) -> None:
    (tmp_path / "odd.toml").write_text('name = "odd"\nmarket = "barter"\n')
    code, _, stderr = bidswarm("check", str(tmp_path / "odd.toml")).finished()
    assert code == 2
    assert "odd.toml:2: market = 'barter': allowed are: dmp, psp" in stderr.replace("\n", "")
