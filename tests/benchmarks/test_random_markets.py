"""benchmarks/random_markets.py: a seed is one market, all there is gets drawn, and missed bounds are told."""

import dataclasses
import json

import pytest
from random_markets import BOUNDS, CHOICES, Finding, RandomMarket, exceptions, found, rows

from scenarios.markets.load import parse
from scenarios.markets.psp.market import draw

SEEDS = range(300)


@pytest.fixture(scope="module")
def markets() -> list[RandomMarket]:
    return [RandomMarket.of(seed) for seed in SEEDS]


def test_a_seed_is_one_market_to_the_byte(markets: list[RandomMarket]) -> None:
    again = [RandomMarket.of(seed) for seed in SEEDS]
    assert [json.dumps(one.tables) for one in again] == [json.dumps(one.tables) for one in markets]
    assert len({json.dumps(one.tables["buyers"]) for one in markets}) == len(SEEDS)


def test_every_market_is_a_valid_scenario_of_a_size_that_was_said(markets: list[RandomMarket]) -> None:
    for one in markets:
        market = draw(parse(one.tables, one.tables["name"]), one.seed)
        assert 1 <= len(market.buyers) <= 60
        assert 1 <= len(market.sellers) <= 20


def test_everything_that_can_be_chosen_is(markets: list[RandomMarket]) -> None:
    for what, choices in CHOICES.items():
        assert sum(choices.values()) == pytest.approx(1.0)
        assert {one.chosen[what] for one in markets} == set(choices)


def test_a_market_is_made_of_what_was_chosen(markets: list[RandomMarket]) -> None:
    for one in markets:
        buyers, chosen = one.tables["buyers"], one.chosen
        assert one.tables["auction"]["mechanism"] == chosen["mechanism"]
        assert all(("budget_money" in buyer) == (chosen["budgets"] != "none") for buyer in buyers)
        kinds = {buyer["strategy"]["kind"] for buyer in buyers}
        assert kinds <= {"adaptive", chosen["strategies"].removeprefix("and ")}
        assert ("loss" in one.tables["network"]) == (chosen["network"] == "lossy")


def test_only_adaptive_elastic_buyers_alone_are_bound_to_an_efficiency(markets: list[RandomMarket]) -> None:
    bound = [one for one in markets if one.bounds.worst is not None]
    assert bound
    for one in bound:
        assert one.chosen["mechanism"] == "psp"
        assert {buyer["strategy"]["kind"] for buyer in one.tables["buyers"]} == {"adaptive"}
        assert "flat" not in {buyer["valuation"]["kind"] for buyer in one.tables["buyers"]}


def test_a_finding_is_counted_in_each_class_it_belongs_to_and_listed_by_its_seed() -> None:
    kept = found(next(seed for seed in SEEDS if len(RandomMarket.of(seed).tables["buyers"]) < 4))
    bad = dataclasses.replace(kept, misses=["gap"])
    table = {line.split("  ")[1 if line.startswith(" ") else 0]: line.split() for line in rows([kept, kept, kept, bad])}
    assert table["all"][-len(BOUNDS) - 1 :].count("75.00%") >= 2  # of the gap, and of all bounds
    assert table[kept.chosen["mechanism"]][1] == "4"
    assert [f"seed {kept.trial.seed}" in line for line in exceptions([kept, bad])] == [True]


def test_what_a_market_comes_to_is_the_same_each_time() -> None:
    def figures(finding: Finding) -> dict[str, object]:
        return {**dataclasses.asdict(finding.trial), "wall_s": 0.0, "cpu_s": 0.0}

    small = next(seed for seed in SEEDS if 3 < len(RandomMarket.of(seed).tables["buyers"]) < 8)
    assert figures(found(small)) == figures(found(small))
