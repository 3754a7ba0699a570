import re
from pathlib import Path

import pytest

from scenarios.errors import ScenarioError
from scenarios.markets.dmp.schema import CallScenario, StepRule, WindowRule
from scenarios.markets.load import load, parse, with_populations
from scenarios.markets.registry import described, draw_market
from tests.scenarios.markets.dmp.conftest import changed, market_of

SMALL = """
name = "small"
market = "dmp"
[[services]]
name = "web"
rate_kbps = 512
holding_s = 150
[[operators]]
capacity_kbps = 2000
pricing = { kind = "cost-plus" }
[[terminals]]
calls = 3
calls_per_s = 0.1
price_weight = 0.5
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


def test_file_of_a_digital_marketplace_is_read(file: str) -> None:
    scenario = load(file)
    assert isinstance(scenario, CallScenario)
    assert (scenario.name, scenario.operators[0].name, scenario.terminals[0].calls) == ("small", "operator", 3)


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("timeout_s=9", "timeout_s", 9.0),
        ("marketplace.speed=100", "marketplace.speed", 100.0),
        ("terminals.*.calls=7", "terminals.0.calls", 7),
        ("operators.0.pricing.margin=0.3", "operators.0.pricing.margin", 0.3),
        ("operators.0.initial_reputation=0.3", "operators.0.initial_reputation", 0.3),
        ("reputation={rule='window',calls=9}", "reputation", WindowRule(calls=9)),
        ("reputation.rule=step", "reputation", StepRule()),
        ("services.0.contract=location-and-paging", "services.0.contract", "location-and-paging"),
    ],
)
def test_setting_is_put_over_the_file(file: str, setting: str, key: str, value: object) -> None:
    found: object = load(file, [setting])
    for part in key.split("."):
        found = found[int(part)] if part.isdigit() else getattr(found, part)  # type: ignore[index]
    assert found == value


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("tittle=x", "unknown key tittle; allowed here: format, market, name, title"),
        ("marketplace.pace=2", "unknown key marketplace.pace; allowed here: name, speed, gather_s"),
        ("services.0.rate=2", "unknown key services.0.rate; allowed here: name, rate_kbps, holding_s, contract"),
        ("operators.0.capacity=2", "unknown key operators.0.capacity; allowed here: name, count, capacity_kbps"),
        ("terminals.0.weight=2", "unknown key terminals.0.weight; allowed here: name, count, calls, calls_per_s"),
        ("agents=[{fee=1}]", "unknown key agents.0.fee; allowed here: name, fee_money, price_weight"),
        (
            "operators.0.pricing={kind='cost-plus',factor=2}",
            "unknown key operators.0.pricing.factor; allowed here: margin",
        ),
        ("reputation={rule='window',d=5}", "unknown key reputation.d; allowed here: calls, initial"),
        ("sellers=[]", "unknown key sellers; allowed here: format, market"),
        ("agents=[{}]", "agents.0 lacks the key name"),
        ("reputation.initial=0.5", "reputation lacks the key rule"),
        ("market=pps", "market = 'pps': allowed are: dmp, psp"),
        ("format=2", "format = 2: allowed are: 1"),
        ("reputation.rule=average", "reputation.rule = 'average': allowed are: window, step, none"),
        (
            "operators.0.pricing.kind=dumping",
            "operators.0.pricing.kind = 'dumping': allowed are: cost-plus, first-price, private-equilibrium, common",
        ),
        (
            "operators.0.pricing={kind='first-price',cost={distribution='normal'}}",
            "operators.0.pricing.cost.distribution = 'normal': allowed are: uniform, beta",
        ),
        (
            "operators.0.pricing={kind='common-equilibrium',cost={distribution='beta',a=1,b=2}}",
            "operators.0.pricing.cost.distribution = 'beta': allowed are: uniform",
        ),
        ("services.0.contract=flow", "services.0.contract = 'flow': allowed are: session, location-and-paging"),
        ("services.0.rate_kbps=0", "services.0.rate_kbps = 0: must be a number above 0 and at most "),
        ("marketplace.speed=1001", "marketplace.speed = 1001: must be a number above 0 and at most 1,000"),
        ("marketplace.reserve=-1", "marketplace.reserve = -1: must be a number from 0 to "),
        ("operators.0.overcommitment=0.5", "operators.0.overcommitment = 0.5: must be a number from 1 to 1,000"),
        ("operators.0.initial_reputation=2", "operators.0.initial_reputation = 2: must be a number from 0 to 1"),
        (
            "reputation={rule='step',commitment=1.0}",
            "reputation.commitment = 1.0: must be a number of at least 0 and below 1",
        ),
        ("terminals.0.calls=0", "terminals.0.calls = 0: must be a whole number from 1 to"),
        ("terminals.0.calls_per_s=0", "terminals.0.calls_per_s = 0: must be a number above 0"),
        (
            "operators.0.pricing={kind='no-regret',arms=1}",
            "operators.0.pricing.arms = 1: must be a whole number from 2 to 1,000",
        ),
        ("operators.0.pricing={kind='load-based',exponent=17}", "pricing.exponent = 17: must be a number from 1 to 16"),
        (
            "operators.0.pricing={kind='no-regret',ceiling_money=0}",
            "pricing.ceiling_money = 0: must be a number above 0",
        ),
        ("operators=[]", "operators = []: must be a list of at least 1, each a table"),
    ],
)
def test_error_names_file_key_value_and_what_is_allowed(file: str, setting: str, said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load(file, [setting])
    assert "small.toml, by --set: " in str(error.value)
    assert said in re.sub(r" \(did you mean .*?\?\)", "", str(error.value))


def test_scenario_built_in_python_is_taken_as_it_is() -> None:
    scenario = parse(changed(), "small.toml")
    assert with_populations(scenario) is scenario


def test_market_is_described_in_one_line() -> None:
    assert described(market_of()).startswith("3 calls of 1 terminal in ")
    assert "2 operators, 0 service agents (seed 1)" in described(market_of())


@pytest.mark.parametrize("name", ["network-selection", "congested", "price-weight-sweep", "mixed-agents"])
def test_shipped_scenario_draws_all_its_calls(name: str) -> None:
    scenario = load(name)
    assert isinstance(scenario, CallScenario)
    assert described(draw_market(scenario, 1)).startswith(
        f"{sum(t.count * t.calls for t in scenario.terminals):,} calls"
    )
