import copy
from typing import Any

import pytest

from node.protocol.topics import NAME_IN_WORDS
from scenarios.errors import ScenarioError
from scenarios.files.names import names_of
from scenarios.markets.load import parse
from scenarios.markets.psp.schema import Sellers

GOOD: dict[str, Any] = {
    "name": "small",
    "sellers": [{"name": "s", "count": 2, "supply_mb": 10}],
    "buyers": [{"name": "b", "valuation": {"kind": "flat", "demand_mb": 5, "value_per_mb": 1.0}}],
}
KNOTS = {"kind": "piecewise-linear"}
CHOKED = {"kind": "isoelastic", "demand_mb": 5, "elasticity": 2}


def changed(key: str, value: Any) -> dict[str, Any]:
    """The good scenario with one key set to another value."""
    tables: Any = copy.deepcopy(GOOD)
    target = tables
    *parents, last = key.split(".")
    for part in parents:
        target = target[int(part)] if part.isdigit() else target.setdefault(part, {})
    target[last] = value
    return tables  # type: ignore[no-any-return]


def fault(key: str, value: Any) -> str:
    with pytest.raises(ScenarioError) as error:
        parse(changed(key, value), "small.toml")
    assert str(error.value).startswith("small.toml: ")
    return str(error.value).removeprefix("small.toml: ")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("buyers.0.sellers", ["s-1", "s-2"]),
        ("buyers.0.sellers_each", 2),
        ("buyers.0.valuation", {**KNOTS, "knots": [[0, 5], [10, 5], [20, 1]]}),
        ("buyers.0.valuation", {**CHOKED, "choke_price_per_mb": 3, "price_at_demand_per_mb": 3}),
        ("sellers.0.supply_mb", {"distribution": "uniform", "low": 3, "high": 3}),
        ("sellers.0.supply_mb", {"distribution": "normal", "mean": 3, "deviation": 1, "low": 3, "high": 3.5}),
        ("network", {"delay_min_s": 0.1, "delay_max_s": 0.1}),
    ],
)
def test_scenario_that_does_not_contradict_itself_is_valid(key: str, value: Any) -> None:
    assert parse(changed(key, value), "small.toml").name == "small"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("buyers.0.name", "s-1", "the name 's-1' is given twice; every user needs a name of its own"),
        ("buyers.0.name", "b\n", f"the name 'b\\n' of every user must be {NAME_IN_WORDS}"),
        ("name", "small\n", f"the name 'small\\n' of a scenario must be {NAME_IN_WORDS}"),
        ("sellers.0.name", "n" * 63, f"the name '{'n' * 63}-1' of every user must be {NAME_IN_WORDS}"),
        ("network.delay_min_s", 1.0, "network.delay_min_s = 1.0 must not exceed network.delay_max_s = 0.003"),
        ("buyers.0.sellers", ["s-9"], "buyers.0.sellers = 's-9': there is no such seller; known: s-1, s-2"),
        ("buyers.0.sellers", ["b"], "buyers.0.sellers = 'b': there is no such seller; known: s-1, s-2"),
        ("buyers.0.sellers", ["s-1", "s-1"], "buyers.0.sellers = ['s-1', 's-1'] names a seller twice"),
        ("buyers.0.sellers_each", 3, "buyers.0.sellers_each = 3: there can be 2 at most"),
        (
            "sellers.0.supply_mb",
            {"distribution": "uniform", "low": 3, "high": 1},
            "sellers.0.supply_mb.low = 3.0 must not exceed high = 1.0",
        ),
        (
            "buyers.0.budget_money",
            {"distribution": "normal", "mean": 9, "deviation": 1, "high": 8},
            "buyers.0.budget_money.mean = 9.0 must lie between low and high",
        ),
        (
            "buyers.0.valuation.demand_mb",
            {"distribution": "normal", "mean": float("nan"), "deviation": 1},
            "buyers.0.valuation.demand_mb.mean = nan must lie between low and high",
        ),
        (
            "buyers.0.valuation",
            {**CHOKED, "choke_price_per_mb": 1, "price_at_demand_per_mb": 2},
            "buyers.0.valuation.price_at_demand_per_mb = 2.0 must not exceed choke_price_per_mb = 1.0",
        ),
        (
            "buyers.0.strategy",
            {"kind": "best-reply", "epsilon_step_money": 1, "epsilon_fee_money": 1, "think_min_s": 2, "think_max_s": 1},
            "buyers.0.strategy.think_min_s = 2.0 must not exceed think_max_s",
        ),
        (
            "buyers.0.strategy",
            {"kind": "adaptive", "epsilon_end_money": 1},
            "buyers.0.strategy: give epsilon_start_money and epsilon_end_money both, or neither: then shares count",
        ),
        (
            "buyers.0.strategy",
            {"kind": "adaptive", "epsilon_start_money": 1, "epsilon_end_money": 2},
            "buyers.0.strategy.epsilon_end_money = 2.0 must not exceed epsilon_start_money = 1.0",
        ),
        (
            "buyers.0.strategy",
            {"kind": "adaptive", "epsilon_end_share": 0.2},
            "buyers.0.strategy.epsilon_end_share = 0.2 must not exceed epsilon_start_share = 0.1",
        ),
    ],
)
def test_contradiction_is_named_with_key_and_value(key: str, value: Any, said: str) -> None:
    assert fault(key, value) == said


@pytest.mark.parametrize(
    "knots",
    [[[1, 5], [10, 4]], [[0, 5], [10, 6]], [[0, 5], [0, 4]], [[0, 5], [10, 4], [5, 3]]],
    ids=["not from 0", "rising price", "same MB", "falling MB"],
)
def test_knots_must_rise_from_nothing_and_fall_in_price(knots: list[list[float]]) -> None:
    assert "MB must rise from 0, and prices must not rise" in fault("buyers.0.valuation", {**KNOTS, "knots": knots})


def test_named_sellers_and_a_number_of_them_exclude_each_other() -> None:
    tables = changed("buyers.0.sellers", ["s-1"])
    tables["buyers"][0]["sellers_each"] = 1
    with pytest.raises(ScenarioError, match=r"buyers\.0: give sellers or sellers_each, not both"):
        parse(tables, "small.toml")


@pytest.mark.parametrize("mechanism", ["psp", "vcg"])
def test_a_price_is_posted_by_its_mechanism_only(mechanism: str) -> None:
    tables = changed("auction.posted_price_per_mb", 15)
    tables["auction"]["mechanism"] = mechanism
    text = rf"posted_price_per_mb = 15: goes with the mechanism 'posted-price' only, but .*mechanism = '{mechanism}'"
    with pytest.raises(ScenarioError, match=text):
        parse(tables, "small.toml")
    tables["auction"]["mechanism"] = "posted-price"
    assert parse(tables, "small.toml").auction.posted_price_per_mb == 15.0


def test_long_lists_of_what_is_known_are_cut() -> None:
    tables = changed("sellers.0.count", 30)
    tables["buyers"][0]["sellers"] = ["x"]
    with pytest.raises(ScenarioError, match=r"known: (s-\d+, ){9}s-\d+ …$"):
        parse(tables, "small.toml")


def test_one_user_bears_the_name_of_its_table_and_several_are_numbered() -> None:
    assert names_of(Sellers(name="s", supply_mb=1.0)) == ["s"]
    assert names_of(Sellers(name="s", count=3, supply_mb=1.0)) == ["s-1", "s-2", "s-3"]


def test_devices_carry_one_user_from_the_start() -> None:
    assert "leave out count and joins_at_s" in fault("sellers.0.device", "shop")


def test_devices_may_not_be_called_as_hosts_of_the_launcher() -> None:
    assert "call the device otherwise" in fault("buyers.0.device", "host-2")


def test_nothing_is_planned_for_devices() -> None:
    tables = changed("buyers.0.device", "bob")
    tables["chaos"] = {"loss": 0.1}
    with pytest.raises(ScenarioError, match="leave out shifts and chaos"):
        parse(tables, "small.toml")


def test_market_of_devices_alone_needs_no_launcher() -> None:
    tables = changed("buyers.0.device", "bob")
    tables["sellers"] = [{"name": "s", "device": "shop", "supply_mb": 10}]
    with pytest.raises(ScenarioError, match="need no launcher"):
        parse(tables, "small.toml")
