"""Which runs a sweep has, and what their ids depend on."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from scenarios.errors import ScenarioError
from scenarios.markets.load import load
from scenarios.markets.psp.market import Market
from scenarios.markets.registry import draw_market
from scenarios.sweep.grid import Cell, cells_of, grid_of
from scenarios.sweep.plan import Plan, check_unchanged, planned
from scenarios.sweep.sweep import tables_of


def plan_of(*settings: str, scenario: str = "neighbourhood", seeds: tuple[int, ...] = (0, 1), **more: Any) -> Plan:
    return planned(*tables_of(scenario), cells_of(grid_of(settings)), seeds, **{"world": "sim", **more})


def users(seed: int, *settings: str) -> tuple[list[Any], list[Any]]:
    """What is drawn of buyers and sellers."""
    market = draw_market(load("neighbourhood", settings), seed)
    assert isinstance(market, Market)
    return market.buyers, market.sellers


def test_the_same_seed_draws_the_same_users_whatever_the_settings() -> None:
    few, sellers = users(7, "buyers.0.count=10")
    many, same_sellers = users(7, "buyers.0.count=100")
    otherwise, still_same = users(7, "buyers.0.count=10", "auction.mechanism=uniform-price")

    assert (len(few), len(many)) == (10, 100)
    assert many[:10] == few == otherwise
    assert sellers == same_sellers == still_same
    assert users(8, "buyers.0.count=10")[0] != few


def test_an_id_is_the_hash_of_all_that_a_run_depends_on() -> None:
    plain = plan_of("buyers.0.count=6")
    same = [
        plan_of("buyers.0.count= 6"),
        plan_of("buyers.0.count=6", "auction.mechanism=psp"),  # the default
        plan_of("buyers.0.count=6", keep="all"),
    ]
    others = [
        plan_of("buyers.0.count=7"),
        plan_of("buyers.0.count=6", "auction.mechanism=uniform-price"),
        plan_of("buyers.0.count=6", world="mqtt"),
        plan_of("buyers.0.count=6", timeout_s=5.0),
        plan_of("buyers.0.count=6", seeds=(2, 3)),
    ]

    assert all(other.runs == plain.runs for other in same)
    ids = [run for plan in [plain, *others] for runs in plan.runs for run in runs]
    assert len(ids) == len(set(ids)) == 12
    assert plan_of("buyers.0.count=6", keep="all").sha256 != plain.sha256


def test_code_of_ones_own_counts_and_may_not_change_meanwhile(fates: str) -> None:
    code = Path(fates).with_name("fateful.py")
    own = code.read_text(encoding="utf-8")
    code.write_text(own + "\n# before\n", encoding="utf-8")
    plan = plan_of(scenario=fates)
    code.write_text(own + "\n# after\n", encoding="utf-8")

    assert plan_of(scenario=fates).runs != plan.runs
    with pytest.raises(ScenarioError, match=r"code of .*fates.toml in .* has changed"):
        check_unchanged(plan, 0, plan.scenario_of(0))
    older = msgspec.structs.replace(plan, bidswarm="0.0.1")
    with pytest.raises(ScenarioError, match=r"bidswarm 0\.0\.1 planned this sweep"):
        check_unchanged(older, 0, older.scenario_of(0))


def test_code_is_announced_once_before_it_is_run(fates: str) -> None:
    Path(fates).with_name("fateful.py").write_text("raise RuntimeError", encoding="utf-8")
    told: list[str] = []
    with pytest.raises(ScenarioError, match="RuntimeError"):
        planned(*tables_of(fates), cells_of({"buyers.0.count": ["1", "2"]}), [0], world="sim", announce=told.append)
    assert len(told) == 1
    assert "fateful:Fateful" in told[0]


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ([{"a": "10"}, {"a": "100"}], {"a": [10, 100]}),
        ([{"a": "10"}, {"a": "0.5"}], {"a": [10.0, 0.5]}),
        ([{"a": "psp"}, {"a": '"b"'}], {"a": ["psp", "b"]}),
        ([{"a": "true"}, {}], {"a": [True, None]}),
        ([{"a": "1"}, {"a": "x"}], {"a": ["1", "x"]}),
        ([{"a": "[1, 2]"}, {"b": "2"}], {"a": ["[1, 2]", None], "b": [None, 2]}),
    ],
)
def test_a_parameter_is_a_column_of_one_type(cells: list[Cell], columns: dict[str, list[Any]]) -> None:
    plan = msgspec.structs.replace(plan_of(), cells=cells)
    assert plan.parameters == columns
    assert [list(map(type, values)) for values in plan.parameters.values()] == [
        list(map(type, values)) for values in columns.values()
    ]


@pytest.mark.parametrize(
    ("settings", "more", "words"),
    [
        (["buyers.0.cout=1,2"], {}, ["unknown key buyers.0.cout", "count"]),
        (["buyers.0.count=3,many"], {}, ["buyers.0.count", "'many'"]),
        (
            ["auction.mechanism=psp,uniform-price"],
            {"world": "array"},
            ["auction.mechanism", "'uniform-price'", "'sim'"],
        ),
        ([], {"broker": "mqtt://somewhere"}, ["mqtt://somewhere", "embedded or mosquitto"]),
    ],
)
def test_every_cell_is_checked_before_anything_is_run(
    settings: list[str], more: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ScenarioError) as error:
        plan_of(*settings, **more)
    assert all(word in str(error.value) for word in words)
