import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.mechanism.psp import PSP, PayAsBid, UniformPrice
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.strategy.psp.adaptive import AdaptiveBestReply
from node.strategy.psp.best_reply import BestReply
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import FixedReserve, HighestLosingReserve
from scenarios.errors import ScenarioError
from scenarios.launch.placement import build_hosts, one_host_each
from scenarios.markets.load import load, parse
from scenarios.markets.psp.market import Market, draw, theta
from scenarios.markets.psp.nodes import exchange_machines

FLAT = {"kind": "flat", "demand_mb": 5.0, "value_per_mb": 1.0}


def market_of(number: Any, seed: int = 1, count: int = 1) -> Market:
    """A market whose sellers draw their supply from ``number``."""
    sellers = [{"name": "s", "count": count, "supply_mb": number}]
    return draw(parse({"name": "m", "sellers": sellers, "buyers": [{"valuation": FLAT}]}, "m.toml"), seed)


def supplies(number: Any, seed: int = 1, count: int = 400) -> list[float]:
    return [seller.supply_mb for seller in market_of(number, seed, count).sellers]


def test_number_is_the_same_for_all() -> None:
    assert set(supplies(7)) == {7.0}


@given(st.integers(0, 2**32))
def test_uniform_numbers_lie_within_their_bounds(seed: int) -> None:
    assert all(3.0 <= value < 9.0 for value in supplies({"distribution": "uniform", "low": 3, "high": 9}, seed, 5))


def test_uniform_numbers_fill_their_bounds() -> None:
    drawn = supplies({"distribution": "uniform", "low": 3, "high": 9})
    assert (min(drawn), max(drawn)) == pytest.approx((3.0, 9.0), abs=0.1)


@given(st.integers(0, 2**32))
def test_normal_numbers_lie_within_their_bounds(seed: int) -> None:
    number = {"distribution": "normal", "mean": 5, "deviation": 50, "low": 4, "high": 7}
    assert all(4.0 <= value <= 7.0 for value in supplies(number, seed, 5))


def test_normal_numbers_have_their_mean_and_deviation() -> None:
    drawn = np.array(supplies({"distribution": "normal", "mean": 50, "deviation": 5}))
    assert (drawn.mean(), drawn.std()) == pytest.approx((50, 5), rel=0.1)


def test_normal_that_hardly_ever_lies_within_its_bounds_is_refused() -> None:
    number = {"distribution": "normal", "mean": 5, "deviation": 1e6, "low": 4.9999, "high": 5.0001}
    with pytest.raises(ScenarioError, match="hardly ever lies"):
        market_of(number)


def test_log_normal_numbers_have_their_median_and_are_positive() -> None:
    drawn = supplies({"distribution": "log-normal", "median": 20, "sigma": 0.5})
    assert np.median(drawn) == pytest.approx(20, rel=0.1)
    assert np.std(np.log(drawn)) == pytest.approx(0.5, rel=0.1)


def test_choices_are_all_taken() -> None:
    drawn = supplies({"distribution": "choice", "values": [1, 2, 4]})
    assert set(drawn) == {1.0, 2.0, 4.0}
    assert min(drawn.count(value) for value in (1.0, 2.0, 4.0)) > 90


RANDOM = {"distribution": "uniform", "low": 3, "high": 9}


def test_same_seed_draws_the_same_market() -> None:
    encode = msgspec.json.encode
    assert encode(draw(load("neighbourhood"), 3)) == encode(draw(load("neighbourhood"), 3))


def test_another_seed_draws_another_market() -> None:
    assert supplies(RANDOM, seed=1) != supplies(RANDOM, seed=2)


def test_another_user_changes_nobody_elses_draw() -> None:
    assert supplies(RANDOM, count=30)[:20] == supplies(RANDOM, count=20)


def test_another_group_changes_nobody_elses_draw() -> None:
    tables: dict[str, Any] = {
        "name": "m",
        "sellers": [{"name": "s", "count": 2, "supply_mb": RANDOM}],
        "buyers": [{"name": "b", "count": 3, "valuation": {**FLAT, "demand_mb": RANDOM}}],
    }
    before = draw(parse(tables, "m.toml"), 1)
    tables["sellers"].insert(0, {"name": "new", "supply_mb": RANDOM})
    after = draw(parse(tables, "m.toml"), 1)
    assert after.sellers[1:] == before.sellers
    assert [buyer.valuation for buyer in after.buyers] == [buyer.valuation for buyer in before.buyers]


def test_users_of_a_population_draw_their_own_numbers() -> None:
    assert len(set(supplies(RANDOM, count=50))) == 50


def buyers_of(**keys: Any) -> Market:
    sellers = [{"name": "s", "count": 6, "supply_mb": 10}]
    return draw(parse({"name": "m", "sellers": sellers, "buyers": [{"valuation": FLAT, **keys}]}, "m.toml"), 1)


def test_pool_is_every_seller_unless_said_otherwise() -> None:
    assert buyers_of().buyers[0].pool == [f"s-{k}" for k in range(1, 7)]


def test_named_pool_is_kept_in_its_order() -> None:
    assert buyers_of(sellers=["s-4", "s-2"]).buyers[0].pool == ["s-4", "s-2"]


def test_random_pools_have_their_size_and_differ() -> None:
    pools = [tuple(buyer.pool) for buyer in buyers_of(count=50, sellers_each=3).buyers]
    assert all(len(set(pool)) == 3 for pool in pools)
    assert len(set(pools)) > 10


def test_budget_is_drawn_and_none_by_default() -> None:
    assert buyers_of().buyers[0].budget_money is None
    budgets = [buyer.budget_money for buyer in buyers_of(count=9, budget_money=RANDOM).buyers]
    assert all(budget is not None and 3 <= budget < 9 for budget in budgets)


CHOKED = {"demand_mb": 10.0, "choke_price_per_mb": 4.0, "price_at_demand_per_mb": 1.0}


@pytest.mark.parametrize(
    ("table", "demand", "first", "last"),
    [
        (FLAT, 5.0, 1.0, 1.0),
        ({"kind": "parabolic", "demand_mb": 10.0, "choke_price_per_mb": 4.0}, 10.0, 4.0, 0.0),
        ({"kind": "logarithmic", **CHOKED}, 10.0, 4.0, 1.0),
        ({"kind": "isoelastic", "elasticity": 2.0, **CHOKED}, 10.0, 4.0, 1.0),
        ({"kind": "piecewise-linear", "knots": [[0, 4], [10, 1]]}, 10.0, 4.0, 1.0),
    ],
    ids=lambda table: table["kind"] if isinstance(table, dict) else "",
)
def test_every_valuation_is_built_with_its_numbers(
    table: dict[str, Any], demand: float, first: float, last: float
) -> None:
    built = theta(buyers_of(valuation=table).buyers[0])
    assert (built.demand_mb, built.marginal(0.0), built.marginal(demand)) == pytest.approx((demand, first, last))


def test_drawn_numbers_that_make_no_valuation_name_the_buyer() -> None:
    with pytest.raises(ScenarioError, match="buyer 'rosa': valuation: demand_mb must be finite and above 0"):
        buyers_of(name="rosa", valuation={**FLAT, "demand_mb": {"distribution": "choice", "values": [0]}})


LARGE = {"distribution": "log-normal", "median": 1e12, "sigma": 1.0}


@pytest.mark.parametrize(
    ("valuation", "said"),
    [
        (
            {"kind": "parabolic", "demand_mb": 5, "choke_price_per_mb": 2e9},
            r"buyer 'buyer-1': the price of its first MB = 2e\+09 must be at most 1e\+09",
        ),
        ({**FLAT, "demand_mb": LARGE}, r"buyer 'buyer-\d+': demand_mb = .* must be at most 1e\+12"),
    ],
    ids=["price", "demand"],
)
def test_numbers_of_a_buyer_that_no_message_carries_name_it(valuation: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        buyers_of(count=50, valuation=valuation)


def test_numbers_of_a_seller_that_no_message_carries_name_it() -> None:
    with pytest.raises(ScenarioError, match=r"seller 's-\d+': supply_mb = .* must be at most 1e\+12"):
        market_of(LARGE, count=50)


def test_intervals_left_out_follow_from_clearing_interval_and_network() -> None:
    tables = {"auction": {"clearing_interval_s": 0.1}, "network": {"delay_max_s": 0.02}}
    scenario = parse({"name": "m", "sellers": [{"supply_mb": 1}], "buyers": [{"valuation": FLAT}], **tables}, "m.toml")
    timing = draw(scenario, 1).timing
    assert timing == Timing(0.1, pytest.approx(1.5), pytest.approx(0.48))  # type: ignore[arg-type]


def test_given_intervals_are_kept() -> None:
    tables = {"auction": {"clearing_interval_s": 0.1, "quiet_period_s": 9, "retry_s": 3}}
    scenario = parse({"name": "m", "sellers": [{"supply_mb": 1}], "buyers": [{"valuation": FLAT}], **tables}, "m.toml")
    assert draw(scenario, 1).timing == Timing(0.1, 9.0, 3.0)


def test_market_survives_the_file_it_is_kept_in() -> None:
    market = draw(load("neighbourhood"), 3)
    assert msgspec.json.decode(msgspec.json.encode(market), type=Market) == market


@pytest.mark.parametrize(
    ("rule", "built"), [("fixed", FixedReserve(0.5)), ("highest-losing", HighestLosingReserve(0.5, 0.25))]
)
def test_reserve_rule_is_that_of_the_market(rule: str, built: object) -> None:
    auction = {"reserve_rule": rule, "reserve_step_per_mb": 0.25}
    sellers = [{"supply_mb": 1, "reserve_price_per_mb": 0.5}]
    tables = {"name": "m", "auction": auction, "sellers": sellers, "buyers": [{"valuation": FLAT}]}
    market = draw(parse(tables, "m.toml"), 1)
    assert market.auction.reserve(market.sellers[0].reserve_price_per_mb) == built


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ({"kind": "opt-out", "split": "fill-largest-first"}, OptOut),
        ({"kind": "best-reply", "epsilon_step_money": 1, "epsilon_fee_money": 2}, BestReply),
        ({"kind": "adaptive"}, AdaptiveBestReply),
    ],
)
def test_buyers_behave_as_their_strategy_says(table: dict[str, Any], kind: type) -> None:
    market = buyers_of(strategy=table, budget_money=3)
    (host,) = build_hosts(market, one_host_each(market), {"buyer"})
    (buyer,) = host.machines.values()
    assert isinstance(buyer._strategy, kind)  # type: ignore[attr-defined]
    assert buyer._purchases.budget == 3.0  # type: ignore[attr-defined]


def test_buyer_without_budget_has_no_limit() -> None:
    market = buyers_of()
    (host,) = build_hosts(market, one_host_each(market), {"buyer"})
    (buyer,) = host.machines.values()
    assert buyer._purchases.budget == math.inf  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "built"), [("psp", PSP), ("uniform-price", UniformPrice()), ("pay-as-bid", PayAsBid())]
)
def test_all_users_know_the_mechanism_of_the_market(name: str, built: object) -> None:
    market = draw(load("two-sellers", [f"auction.mechanism={name}"]), 1)
    addresses = {user: f"host/{user}" for user in market.user_names}
    for user, machine in exchange_machines(market, addresses, set(market.user_names)):
        known = [machine._mechanism] if isinstance(machine, Seller) else []
        if isinstance(machine, Buyer):
            known = [auction.offer().mechanism for auction in machine._auctions.values()]
        assert known, user
        assert all(one == built for one in known), user
