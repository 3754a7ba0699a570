from typing import Any

import pytest

from node.protocol.topics import NAME_IN_WORDS
from scenarios.markets.load import parse
from tests.scenarios.markets.dmp.conftest import changed, fault

NORMAL = {"distribution": "normal", "mean": 0.5, "deviation": 0.1}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"terminals__0__price_weight": 0.0},
        {"terminals__0__price_weight": 1.0},
        {"terminals__0__price_weight": {"distribution": "uniform", "low": 0, "high": 1}},
        {"terminals__0__price_weight": {"distribution": "choice", "values": [0.1, 1.0]}},
        {"terminals__0__price_weight": {**NORMAL, "high": 1.0}},
        {"terminals__0__services": ["web"]},
        {"agents": [{"name": "desk"}], "terminals__0__agent": "desk"},
        {"operators__0__pricing": {"kind": "private-equilibrium", "ceiling_money": 1.0}},
        {"operators__0__pricing": {"kind": "first-price", "cost": {"distribution": "beta", "a": 2, "b": 3}}},
    ],
)
def test_scenario_that_does_not_contradict_itself_is_valid(values: dict[str, Any]) -> None:
    assert parse(changed(**values), "small.toml").name == "small"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("name", "small\n", f"the name 'small\\n' of a scenario must be {NAME_IN_WORDS}"),
        ("terminals__0__name", "net-1", "the name 'net-1' is given twice; every user needs a name of its own"),
        ("operators__0__name", "n" * 63, f"the name '{'n' * 63}-1' of every user must be {NAME_IN_WORDS}"),
        ("marketplace__name", "t", "the name 't' is given twice; every user needs a name of its own"),
        (
            "services__add",
            {"name": "web", "rate_kbps": 1, "holding_s": 1},
            "the name 'web' is given twice; every service needs a name of its own",
        ),
        ("network__delay_min_s", 1.0, "network.delay_min_s = 1.0 must not exceed network.delay_max_s = 0.003"),
        (
            "services__0__holding_s",
            {"distribution": "uniform", "low": 3, "high": 1},
            "services.0.holding_s.low = 3.0 must not exceed high = 1.0",
        ),
        (
            "operators__0__cost_money",
            {**NORMAL, "low": 0.6},
            "operators.0.cost_money.mean = 0.5 must lie between low and high",
        ),
        (
            "operators__0__pricing",
            {"kind": "first-price", "cost": {"distribution": "uniform", "low": 1, "high": 1}},
            "operators.0.pricing.cost.low = 1.0 must be below high = 1.0",
        ),
        (
            "operators__0__pricing",
            {"kind": "common-equilibrium", "reputation": {"distribution": "uniform", "high": 2}},
            "operators.0.pricing.reputation.low = 0.0 must be below high = 2.0, and that at most 1",
        ),
        (
            "operators__0__pricing",
            {"kind": "private-equilibrium", "ceiling_money": 0.5},
            "operators.0.pricing.ceiling_money = 0.5 must be at least cost.high = 1.0",
        ),
        (
            "terminals__0__services",
            ["web", "fax"],
            "terminals.0.services = 'fax': there is no such service; known: web",
        ),
        (
            "terminals__0__agent",
            "desk",
            "terminals.0.agent = 'desk': there is no such service agent; known: none; add [[agents]]",
        ),
        (
            "agents",
            [{"name": "desk"}],
            "agents.0.name = 'desk': no terminal asks through it; name it as one's agent",
        ),
        ("terminals__0__price_weight", 1.5, "terminals.0.price_weight = 1.5 must be at most 1"),
        (
            "terminals__0__price_weight",
            {"distribution": "uniform", "low": 0, "high": 2},
            "terminals.0.price_weight.high = 2 must be at most 1",
        ),
        ("terminals__0__price_weight", NORMAL, "terminals.0.price_weight.high = 1e+12 must be at most 1"),
        (
            "terminals__0__price_weight",
            {"distribution": "choice", "values": [0.5, 3]},
            "terminals.0.price_weight.values = 3 must be at most 1",
        ),
        (
            "terminals__0__price_weight",
            {"distribution": "log-normal", "median": 0.5, "sigma": 0.1},
            "terminals.0.price_weight.distribution = 'log-normal' has no bound; the price weight must be at most 1",
        ),
    ],
)
def test_contradiction_is_named_with_key_and_value(key: str, value: Any, said: str) -> None:
    assert fault(**{key: value}) == said


def test_known_service_agents_are_named() -> None:
    said = fault(agents=[{"name": "desk"}], terminals__0__agent="disk")
    assert said.split("\nsmall.toml: ") == [
        "terminals.0.agent = 'disk': there is no such service agent (did you mean desk?); known: desk",
        "agents.0.name = 'desk': no terminal asks through it; name it as one's agent",
    ]
