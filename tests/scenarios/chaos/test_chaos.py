"""The table ``[chaos]``: what it may say, what it means for hosts, and what is expected in spite of it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.runtime.faults.plan import Fault, FaultBegun, FaultHealed, Plan, fault_record
from scenarios.chaos.expectations import Ending, FaultLog, checked
from scenarios.chaos.plan import plan_of
from scenarios.chaos.schema import ChaosTable, ExpectEfficiency, ExpectQuiet, ExpectSettled
from scenarios.errors import ScenarioError
from scenarios.launch.placement import faults_of, one_host_each, spread
from scenarios.launch.run import run
from scenarios.markets.load import load, parse
from scenarios.markets.psp.market import draw

FLAT = {"kind": "flat", "demand_mb": 50, "value_per_mb": 1}
USERS = ["ann", "bob", "eve", "joe"]
PARTITION = {"kind": "partition", "at_s": 1, "for_s": 2, "nodes": ["ann"]}
EACH = {name: name for name in USERS}


def tables(**chaos: Any) -> dict[str, Any]:
    return {
        "name": "four",
        "sellers": [{"name": name, "supply_mb": 40} for name in USERS[:2]],
        "buyers": [{"name": name, "valuation": FLAT} for name in USERS[2:]],
        "chaos": chaos,
    }


def chaos_of(**chaos: Any) -> ChaosTable:
    scenario = parse(tables(**chaos), "four.toml")
    assert scenario.chaos
    return scenario.chaos


def planned(*faults: dict[str, Any], seed: int = 1, placement: dict[str, str] = EACH) -> Plan:
    return plan_of(chaos_of(faults=list(faults)), seed, placement, ["eve", "joe"])


@pytest.mark.parametrize(
    ("chaos", "error"),
    [
        ({"loss": 1}, "chaos.loss = 1"),
        ({"faults": [{**PARTITION, "kind": "fire"}]}, "chaos.faults.0"),
        ({"faults": [{"kind": "partition", "at_s": 1, "nodes": ["ann"]}]}, "chaos.faults.0 lacks the key for_s"),
        (
            {"faults": [PARTITION, {**PARTITION, "nodes": ["tom"]}]},
            "chaos.faults.1.nodes = 'tom': there is no such user",
        ),
        ({"faults": [{**PARTITION, "nodes": USERS}]}, "names all users"),
        ({"faults": [{**PARTITION, "for_s": 60}]}, "over after 61 s, which must not exceed timeout_s = 60"),
        ({"faults": [{"kind": "random", "within_s": 99}]}, "over after 99 s"),
        ({"reordering": 0.1}, "needs chaos.reordering_delay_s above 0"),
        ({"expect": [{"kind": "efficiency", "at_least": 2}]}, "chaos.expect.0.at_least = 2"),
    ],
)
def test_what_cannot_be_is_refused_with_key_and_remedy(chaos: dict[str, Any], error: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        parse(tables(**chaos), "four.toml")
    assert error in str(refused.value)
    assert str(refused.value).startswith("four.toml: ")


def test_nodes_of_the_digital_marketplace_may_crash() -> None:
    load("congested", ["chaos.loss=0", "chaos.faults=[{ kind = 'crash', at_s = 1, for_s = 1, nodes = ['market'] }]"])


def test_faults_name_hosts_and_their_end() -> None:
    assert planned(PARTITION, {"kind": "crash", "at_s": 0.5, "nodes": ["bob", "eve"]}).faults == (
        Fault("crash", 0.5, math.inf, frozenset({"bob", "eve"})),
        Fault("partition", 1.0, 3.0, frozenset({"ann"})),
    )


def test_users_on_one_host_share_its_faults() -> None:
    placement = {"ann": "host-1", "bob": "host-2", "eve": "host-1", "joe": "host-2"}
    assert planned(PARTITION, placement=placement).faults[0].hosts == {"host-1"}


def test_partition_of_users_who_are_everywhere_is_refused() -> None:
    with pytest.raises(ScenarioError, match="--connections per-node"):
        planned(PARTITION, placement=dict.fromkeys(USERS, "host-1"))


@pytest.mark.parametrize("seed", range(5))
def test_random_faults_are_as_many_as_said_and_over_in_time(seed: int) -> None:
    faults = planned({"kind": "random", "at_s": 2, "within_s": 7, "partitions": 2, "crashes": 3}, seed=seed)
    assert [len(faults.of(kind)) for kind in ("partition", "crash")] == [2, 3]
    assert all(2.0 <= one.at_s <= one.until_s <= 9.0 for one in faults.faults)
    assert all(0 < len(one.hosts) < len(USERS) for one in faults.faults)


def test_faults_are_drawn_by_the_seed() -> None:
    table = {"kind": "random", "within_s": 7}
    assert planned(table, seed=1) == planned(table, seed=1) != planned(table, seed=2)


def test_churn_takes_such_a_share_of_the_buyers_per_minute() -> None:
    churn = {"kind": "churn", "at_s": 0, "for_s": 59, "share_per_minute": 20, "away_s": 1}
    crashes = [one for seed in range(50) for one in planned(churn, seed=seed).of("crash")]
    assert {host for one in crashes for host in one.hosts} == {"eve", "joe"}
    # Away a second in each four: three quarters of 20 crashes by each of the two.
    assert len(crashes) / 50 == pytest.approx(2 * 20 * 59 / 60 * 0.75, rel=0.1)


def test_quiet_period_allows_for_reordered_frames() -> None:
    slow = parse(tables(reordering=0.1, reordering_delay_s=1), "four.toml")
    plain = parse({**tables(), "chaos": {}}, "four.toml")
    longer = draw(slow, 1).timing.quiet_period_s - draw(plain, 1).timing.quiet_period_s
    assert longer == pytest.approx(25.0)


@pytest.mark.parametrize("name", ["chaos"])
def test_shipped_plan_suits_every_placement_over_mqtt(name: str) -> None:
    market = draw(load(name), 1)
    for placement in (one_host_each(market), spread(market, 2), spread(market, 5)):
        assert faults_of(market, placement)


# Expectations

CALM = Ending(settled=True, duration_s=20.0, last_move_s=12.0, efficiency=0.97)


@pytest.mark.parametrize(
    ("table", "ending", "held", "figure"),
    [
        (ExpectQuiet(within_s=2), CALM, True, 2.0),
        (ExpectQuiet(within_s=1), CALM, False, 2.0),
        (ExpectQuiet(within_s=12, after="opening"), CALM, True, 12.0),
        (ExpectQuiet(within_s=30), Ending(False, 20.0, 12.0, 0.5), False, 2.0),
        (ExpectQuiet(within_s=5), Ending(False, 20.0, 12.0, 0.5), True, 2.0),
        (ExpectSettled(within_s=10), CALM, True, 10.0),
        (ExpectSettled(within_s=9), CALM, False, 10.0),
        (ExpectSettled(within_s=99), Ending(False, 20.0), False, None),
        (ExpectEfficiency(at_least=0.97), CALM, True, 0.97),
        (ExpectEfficiency(at_least=0.98), CALM, False, 0.97),
    ],
)
def test_expectation_is_held_or_broken_by_its_figure(table: Any, ending: Ending, held: bool, figure: float) -> None:
    (one,) = checked([table], ending, heal_s=10.0)
    assert (one.held, one.figure) == (held, figure)


def test_heal_is_the_end_of_the_last_fault_that_happened() -> None:
    log = FaultLog()
    assert log.heal_s == 0.0
    told = run_records(Fault("crash", 1.0, 4.0), Fault("partition", 2.0, 3.0))
    assert list(log.without_faults(told)) == []
    assert log.heal_s == 4.0
    assert [(row.kind, row.at_s, row.until_s) for row in log.rows] == [("crash", 1.0, 4.0), ("partition", 2.0, 3.0)]


def run_records(*faults: Fault) -> list[Any]:
    begins = [fault_record(one.at_s, FaultBegun, one) for one in faults]
    return sorted(
        [*begins, *(fault_record(one.until_s, FaultHealed, one) for one in faults)], key=lambda one: one.time_s
    )


# The command

QUICK = ("--world", "sim", "--set", 'chaos.faults=[{ kind = "random", within_s = 1, crashes = 1 }]')


@pytest.mark.parametrize(("within_s", "code"), [(100, 0), (0, 5)])
def test_exit_code_says_whether_all_expectations_are_met(
    said: Callable[..., tuple[int, str, str]], within_s: int, code: int
) -> None:
    expect = f'chaos.expect=[{{ kind = "settled", within_s = {within_s} }}]'
    ended, stdout, _ = said("run", "two-sellers", *QUICK, "--set", expect, "--format", "json")
    summary = json.loads(stdout)
    (one,) = summary["expectations"]
    assert (ended, one["held"]) == (code, code == 0)
    assert {row["kind"] for row in summary["faults"]} == {"partition", "crash"}


def test_printed_result_lists_faults_and_expectations(said: Callable[..., tuple[int, str, str]]) -> None:
    expect = 'chaos.expect=[{ kind = "efficiency", at_least = 1 }, { kind = "settled", within_s = 0 }]'
    _, stdout, _ = said("run", "two-sellers", *QUICK, "--set", expect)
    assert "faults:\n  " in stdout
    assert "expected settled within 0 s of the heal: broken" in stdout


def test_without_faults_nothing_is_said_of_them(said: Callable[..., tuple[int, str, str]]) -> None:
    _, stdout, _ = said("run", "two-sellers", "--world", "sim")
    assert "faults:" not in stdout
    assert "expected " not in stdout


def test_world_array_refuses_faults(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="chaos"):
        run("exchange-1000", world="array", settings=["chaos.loss=0.1"], out=tmp_path)


def test_broker_that_is_not_ours_is_not_killed(tmp_path: Path) -> None:
    settings = ['chaos.faults=[{ kind = "broker-crash", at_s = 1, for_s = 1 }]']
    with pytest.raises(ScenarioError, match="not ours to kill"):
        run("two-sellers", broker="mqtt://joe:secret@127.0.0.1:1", settings=settings, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_digital_marketplace_knows_steady_faults_and_cuts(tmp_path: Path) -> None:
    cut = '{ kind = "partition", at_s = 0.5, for_s = 0.5, nodes = ["direct-1"] }'
    settings = ["terminals.*.count=3", "terminals.*.calls=6", "marketplace.speed=400", "chaos.loss=0.05"]
    settings += [f"chaos.faults=[{cut}]", 'chaos.expect=[{ kind = "settled", within_s = 60 }]']
    result = run("mixed-agents", world="sim", settings=settings, out=tmp_path)
    assert (result.summary.status, [one.held for one in result.summary.expectations]) == ("settled", [True])
    assert [row.kind for row in result.summary.faults] == ["partition"]
