"""What is said against a market, before a run and after it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scenarios.launch.run import run
from scenarios.markets.load import load, shipped
from scenarios.markets.psp.advice import advise, advise_after
from scenarios.markets.psp.market import Market, draw
from scenarios.markets.psp.results import Result
from scenarios.markets.psp.schema import Scenario
from scenarios.markets.psp.tables import print_result

ELASTIC = '{ kind = "parabolic", demand_mb = 60, choke_price_per_mb = 12 }'
FLAT = '{ kind = "flat", demand_mb = 60, value_per_mb = 6 }'
BEST_REPLY = '{ kind = "best-reply", epsilon_step_money = 0.6, epsilon_fee_money = 0.6, think_max_s = 0.05 }'
ADAPTIVE = '{ kind = "adaptive" }'
OPT_OUT = '{ kind = "opt-out" }'


def population(name: str, count: int, valuation: str, strategy: str, more: str = "") -> str:
    return f'{{ name = "{name}", count = {count}, valuation = {valuation}, strategy = {strategy}{more} }}'


def settings(*buyers: str, sellers: int = 3, more: Sequence[str] = ()) -> list[str]:
    """Over ``neighbourhood``: every buyer reaches all of the sellers."""
    return [f"sellers.0.count={sellers}", "sellers.0.supply_mb=100", f"buyers=[{', '.join(buyers)}]", *more]


def market(*buyers: str, sellers: int = 3, more: Sequence[str] = ()) -> Market:
    scenario = load("neighbourhood", settings(*buyers, sellers=sellers, more=more))
    assert isinstance(scenario, Scenario)
    return draw(scenario, 0)


def in_money(last: float) -> str:
    return f'{{ kind = "adaptive", epsilon_start_money = 40, epsilon_end_money = {last} }}'


CALM = population("calm", 6, ELASTIC, ADAPTIVE)


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        (
            market(CALM, population("hasty", 5, ELASTIC, BEST_REPLY)),
            ["hasty-1, hasty-2, hasty-3 and 2 more", "'best-reply'", "'adaptive'", "one seller"],
        ),
        (
            market(CALM, population("plain", 1, ELASTIC, OPT_OUT), population("flat", 1, FLAT, OPT_OUT)),
            ["plain with strategy.kind = 'opt-out'", "optimum", "'adaptive'", "'flat'"],
        ),
        (
            market(CALM, more=['auction.mechanism="pay-as-bid"']),
            ["'pay-as-bid'", "no equilibrium", "auction.mechanism = 'psp'"],
        ),
        (
            # A round trip is 0.02 s; 0.6 of it per think time, and three of these.
            market(CALM, more=["auction.quiet_period_s=0.035"]),
            ["calm-1, calm-2, calm-3 and 3 more still think", "auction.quiet_period_s = 0.035", "Set it to 0.072"],
        ),
        (
            market(population("slow", 1, FLAT, '{ kind = "opt-out", think_s = 22 }')),
            ["slow still think", "auction.quiet_period_s = 1 ", "Set it to 2.2"],
        ),
        (
            market(population("content", 6, ELASTIC, in_money(8.0))),
            ["content-1", "far from the optimum", "strategy.epsilon_end_money = 8", "360", "Lower it to 0.7"],
        ),
        (
            market(population("eager", 6, ELASTIC, in_money(0.03))),
            ["eager-1", "very long", "strategy.epsilon_end_money = 0.03", "360", "Raise it to 0.4"],
        ),
        (
            market(population("content", 6, ELASTIC, '{ kind = "adaptive", epsilon_end_share = 0.03 }')),
            ["content-1", "far from the optimum", "strategy.epsilon_end_share = 0.03", "share", "Lower it to 0.002"],
        ),
        (
            market(population("eager", 6, ELASTIC, '{ kind = "adaptive", epsilon_end_share = 0.00005 }')),
            ["eager-1", "very long", "strategy.epsilon_end_share = 5e-05", "share", "Raise it to 0.001"],
        ),
        (
            market(population("keen", 6, ELASTIC, BEST_REPLY.replace("0.6", "0.03")), sellers=1),
            ["keen-1", "very long", "strategy.epsilon_fee_money = 0.03", "360", "Raise it to 0.4"],
        ),
        (
            market(CALM, more=["auction.quiet_period_s=60"]),
            ["No auction closes in less than 60 s", "timeout_s", "auction.quiet_period_s"],
        ),
    ],
)
def test_each_rule_names_buyers_keys_and_the_remedy(drawn: Market, words: list[str]) -> None:
    (line,) = advise(drawn, limit_s=60.0)
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    "drawn",
    [
        market(CALM),
        market(population("flat", 6, FLAT, ADAPTIVE)),
        market(population("flat", 6, FLAT, OPT_OUT), more=['auction.reserve_rule="highest-losing"']),
        market(CALM, more=['auction.reserve_rule="highest-losing"']),
        market(population("measured", 6, ELASTIC, in_money(0.6))),
        market(population("single", 6, ELASTIC, BEST_REPLY), sellers=1),
    ],
)
def test_nothing_is_said_against_a_market_that_is_well_set_up(drawn: Market) -> None:
    assert advise(drawn, limit_s=60.0) == []


def test_epsilons_by_several_keys_are_each_told_of_their_own() -> None:
    drawn = market(
        population("share", 2, ELASTIC, '{ kind = "adaptive", epsilon_end_share = 0.03 }'),
        population("money", 2, ELASTIC, in_money(8.0)),
        population("fee", 2, ELASTIC, BEST_REPLY.replace("0.6", "9")),
        sellers=1,
    )
    money, share, fee = advise(drawn, limit_s=60.0)
    assert fee.startswith("fee-1, fee-2 will")
    assert money.startswith("money-1, money-2 will")
    assert share.startswith("share-1, share-2 will")


def test_of_the_shipped_scenarios_one_is_advised_against() -> None:
    scenarios = {name: load(name) for name in shipped()}
    exchanges = {name: one for name, one in scenarios.items() if isinstance(one, Scenario)}
    assert len(exchanges) > 8
    assert [name for name, one in exchanges.items() if advise(draw(one, 0), one.timeout_s)] == ["pay-as-bid"]


def test_who_still_moved_is_named_by_strategy() -> None:
    drawn = market(CALM, population("hasty", 2, ELASTIC, BEST_REPLY))
    calm, hasty, *rest = advise_after(
        drawn, "timeout", 60.0, {"calm-2": 3, "hasty-1": 40, "hasty-2": 41, "from-elsewhere": 9}
    )
    part = "still moved in the last fifth of the run"
    assert calm == f"1 of 6 buyers with strategy.kind = 'adaptive' {part}: calm-2; most often calm-2, 3 times."
    assert hasty.startswith(f"2 of 2 buyers with strategy.kind = 'best-reply' {part}: hasty-1, hasty-2; most often ")
    assert hasty.endswith("hasty-2, 41 times.")
    assert rest == advise(drawn, 60.0)


@pytest.mark.parametrize(
    ("drawn", "late_moves", "words"),
    [
        (market(CALM), {"calm-1": 2}, ["timeout_s", "--timeout", "larger last ε"]),
        (market(CALM), {}, ["Nobody moved", "timeout_s", "--timeout"]),
        (
            market(CALM, population("poor", 2, ELASTIC, ADAPTIVE, ", budget_money = 20")),
            {"poor-2": 5, "calm-1": 1},
            ["Budgets", "poor-2 from", "budget_money", "more time"],
        ),
    ],
)
def test_where_no_rule_says_why_the_run_did_not_settle_the_last_line_says_what_to_try(
    drawn: Market, late_moves: dict[str, int], words: list[str]
) -> None:
    *_, line = advise_after(drawn, "timeout", 60.0, late_moves)
    assert all(word in line for word in words), line


def test_run_too_short_for_any_auction_is_told_that_alone() -> None:
    assert advise_after(market(CALM), "timeout", 0.5, {}) == advise(market(CALM), 0.5)


def test_run_that_settled_is_told_only_where_it_came_to_rest() -> None:
    both = market(population("hasty", 2, ELASTIC, BEST_REPLY), population("plain", 1, ELASTIC, OPT_OUT))
    assert len(advise(both, 60.0)) == 2
    (line,) = advise_after(both, "settled", 60.0, {"hasty-1": 3})
    assert "plain" in line


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_run_that_was_cut_short_is_told_nothing(status: Any) -> None:
    assert advise_after(market(population("hasty", 2, ELASTIC, BEST_REPLY)), status, 60.0, {"hasty-1": 3}) == []


DRAWN = ELASTIC.replace("60", '{ distribution = "uniform", low = 20, high = 100 }').replace(
    "12", '{ distribution = "uniform", low = 5, high = 20 }'
)


@pytest.mark.usefixtures("no_pictures")
def test_newcomers_market_of_12_buyers_that_times_out_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten adaptive buyers and two best-repliers of three sellers."""
    two = population("hasty", 2, DRAWN, BEST_REPLY, ", sellers_each = 2")
    ten = population("calm", 10, DRAWN, ADAPTIVE, ", sellers_each = 2")
    result = run("neighbourhood", settings=settings(ten, two), world="sim", timeout_s=6.0, out=tmp_path)

    assert isinstance(result, Result)
    assert result.summary.status == "timeout"
    told = "\n".join(result.summary.advice)
    assert "2 of 2 buyers with strategy.kind = 'best-reply' still moved in the last fifth of the run" in told
    assert "hasty-1, hasty-2 with strategy.kind = 'best-reply' need not come to rest" in told
    print_result(result, Console(width=200))
    printed = capsys.readouterr().out
    assert all(f"advice: {line}" in printed for line in result.summary.advice)


@pytest.mark.usefixtures("no_pictures")
def test_elastic_opt_out_buyers_settle_away_from_the_optimum_and_adaptive_ones_do_not(tmp_path: Path) -> None:
    def played(strategy: str) -> Any:
        ten = population("buyer", 10, DRAWN, strategy)
        return run("neighbourhood", settings=settings(ten), world="sim", out=tmp_path).summary

    summary = played(OPT_OUT)
    assert (summary.status, len(summary.advice)) == ("settled", 1)
    assert summary.efficiency < 0.95
    summary = played(ADAPTIVE)
    assert (summary.status, summary.advice) == ("settled", [])
    assert summary.efficiency > 0.999


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("seed", range(4))
def test_elastic_buyers_of_several_sellers_settle_where_reserves_follow_the_losers(seed: int, tmp_path: Path) -> None:
    """So nothing is said against it."""
    following = 'auction.reserve_rule="highest-losing"'
    result = run("neighbourhood", seed=seed, settings=[following], world="sim", out=tmp_path)
    assert isinstance(result, Result)
    assert (result.summary.status, result.summary.advice) == ("settled", [])
    assert result.quiescence.most_moves <= 60
    assert result.summary.efficiency > 0.995


@pytest.mark.usefixtures("no_pictures")
def test_check_advises_on_stderr_and_ends_well(said: Callable[..., tuple[int, str, str]]) -> None:
    code, stdout, stderr = said("check", "pay-as-bid")
    assert code == 0
    assert "valid: 10 buyers" in stdout
    assert "advice" not in stdout
    assert "advice: With auction.mechanism = 'pay-as-bid'" in stderr
    assert said("check", "two-sellers")[2] == ""
