import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from node.mechanism.valuation import Flat, Isoelastic, Logarithmic, Parabolic, PiecewiseLinear, Remainder, Valuation
from node.mechanism.welfare import Edges, efficiency, gains_bound, optimum, welfare, welfare_loss_bound
from tests.mechanism.valuation.valuations import valuations
from tests.oracles.welfare import water_filling


def everyone(buyers: int, sellers: int) -> Edges:
    return np.repeat(np.arange(buyers), sellers), np.tile(np.arange(sellers), buyers)


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[Valuation], list[float], Edges]:
    buyers = draw(st.lists(valuations(), min_size=1, max_size=6))
    share = st.one_of(st.just(0.0), st.just(1.0), st.floats(0.0, 1.0))
    supply = [draw(share) * buyers[0].demand_mb for _ in range(draw(st.integers(1, 3)))]
    pairs = draw(st.lists(st.tuples(st.integers(0, len(buyers) - 1), st.integers(0, len(supply) - 1)), max_size=12))
    return buyers, supply, (np.array([i for i, _ in pairs], dtype=int), np.array([j for _, j in pairs], dtype=int))


def random_market(
    family: str, buyers: int, sellers: int, degree: int, seed: int = 7
) -> tuple[list[Valuation], np.ndarray, Edges]:
    rng = np.random.default_rng(seed)
    make = {
        "parabolic": Parabolic,
        "flat": Flat,
        "logarithmic": lambda d, p: Logarithmic(d, p, p / 10),
        "isoelastic": lambda d, p: Isoelastic(d, p / 5, float(rng.uniform(0.3, 3)), p),
        "piecewise": lambda d, p: PiecewiseLinear(((0, p), (d / 3, 0.7 * p), (d / 2, 0.7 * p), (d, 0.1 * p))),
    }[family]
    thetas = [make(float(rng.uniform(20, 100)), float(rng.uniform(5, 20))) for _ in range(buyers)]
    supply = rng.uniform(0.5, 1.5, sellers)
    supply *= 0.5 * sum(theta.demand_mb for theta in thetas) / supply.sum()
    chosen = np.concatenate([rng.choice(sellers, degree, replace=False) for _ in range(buyers)])
    return thetas, supply, (np.repeat(np.arange(buyers), degree), chosen)


def test_welfare_counts_no_more_than_the_demand() -> None:
    assert welfare([Parabolic(100, 10), Flat(50, 2)], [50, 80]) == 475


def test_welfare_needs_an_allocation_for_everybody() -> None:
    with pytest.raises(ValueError, match="zip"):
        welfare([Flat(50, 2)], [1, 2])


def test_efficiency_of_a_market_without_anything_to_gain() -> None:
    assert efficiency(0.0, 0.0) == 1.0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(1, 100), st.floats(1, 20)), min_size=1, max_size=8),
    st.floats(0.0, 1.3),
    st.integers(1, 3),
)
def test_optimum_of_parabolic_buyers_who_reach_everyone_is_water_filling(
    parameters: list[tuple[float, float]], share: float, sellers: int
) -> None:
    demand, choke = np.array(parameters).T
    supply = share * demand.sum()
    buyers = [Parabolic(*pair) for pair in parameters]
    best = optimum(buyers, np.full(sellers, supply / sellers), everyone(len(buyers), sellers))
    expected = welfare(buyers, water_filling(demand, choke, supply))
    assert best.welfare == pytest.approx(expected, rel=2e-9, abs=1e-9)
    assert best.bound >= expected * (1 - 1e-12) - 1e-9


@settings(deadline=None, max_examples=150)
@given(markets())
def test_optimum_is_feasible_and_proved(market: tuple[list[Valuation], list[float], Edges]) -> None:
    buyers, supply, (buyer, seller) = market
    best = optimum(buyers, supply, (buyer, seller))
    assert best.quantity.shape == buyer.shape
    assert np.all(best.quantity >= 0.0)
    sold = np.bincount(seller, weights=best.quantity, minlength=len(supply))
    assert np.all(sold <= np.array(supply) * (1 + 1e-12))
    reached = np.bincount(buyer, weights=best.quantity, minlength=len(buyers))
    assert welfare(buyers, reached) == pytest.approx(best.welfare, rel=1e-12)
    assert best.welfare <= best.bound <= best.welfare * (1 + 2e-9) + 1e-12
    proved = gains_bound(buyers, supply, np.zeros(len(supply)), (buyer, seller), best.price)
    assert best.bound == (pytest.approx(max(best.welfare, proved), rel=1e-9) if best.welfare else 0.0)


@given(markets(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_no_allocation_beats_the_bound(market: tuple[list[Valuation], list[float], Edges], random: Any) -> None:
    buyers, supply, (buyer, seller) = market
    best = optimum(buyers, supply, (buyer, seller), tolerance=1e-3)
    left, got = list(supply), np.zeros(len(buyers))
    for i, j in random.sample(list(zip(buyer, seller, strict=True)), len(buyer)):
        amount = min(left[j], buyers[i].demand_mb * random.random())
        left[j] -= amount
        got[i] += amount
    assert welfare(buyers, got) <= best.bound * (1 + 1e-12)


@pytest.mark.parametrize("family", ["parabolic", "flat", "logarithmic", "isoelastic", "piecewise"])
def test_optimum_of_a_sparse_market_is_tight(family: str) -> None:
    best = optimum(*random_market(family, buyers=120, sellers=15, degree=3))
    assert best.bound - best.welfare <= 1e-9 * best.bound


def test_optimum_of_flat_valuations_takes_one_program() -> None:
    best = optimum(*random_market("flat", buyers=120, sellers=15, degree=3), rounds=1)
    assert best.welfare == pytest.approx(best.bound, rel=1e-13)


def test_optimum_of_the_papers_example_sells_everything() -> None:
    buyers = [Flat(50, 1), Flat(40, 1.2), Flat(26, 1.5), Flat(20, 2), Flat(14, 2.2)]
    best = optimum(buyers, [65, 85], everyone(5, 2))
    assert best.welfare == pytest.approx(50 + 48 + 39 + 40 + 30.8)


@pytest.mark.parametrize("family", ["parabolic", "logarithmic", "isoelastic", "piecewise"])
def test_optimum_takes_one_program_where_one_price_clears_the_market(family: str) -> None:
    buyers, supply, (buyer, seller) = random_market(family, buyers=120, sellers=15, degree=3)
    best = optimum(buyers, supply, (buyer, seller), rounds=1)
    assert best.welfare == pytest.approx(best.bound, rel=1e-13)
    assert np.ptp(best.price) == 0.0
    wanted = [theta.demand(best.price[0]) for theta in buyers]
    assert np.bincount(buyer, weights=best.quantity, minlength=len(buyers)) == pytest.approx(wanted, rel=1e-9)
    assert sum(wanted) == pytest.approx(supply.sum())


def test_optimum_takes_one_program_where_there_is_plenty() -> None:
    buyers, supply, edges = random_market("parabolic", buyers=40, sellers=5, degree=1)
    best = optimum(buyers, 10.0 * supply, edges, rounds=1)
    assert best.welfare == pytest.approx(sum(theta.value(theta.demand_mb) for theta in buyers), rel=1e-12)
    assert best.price.tolist() == [0.0] * 5


def test_unfinished_optimum_shows_its_gap() -> None:
    best = optimum(*random_market("parabolic", buyers=40, sellers=5, degree=1), rounds=1)
    assert 1e-9 < best.bound / best.welfare - 1 < 0.1


@pytest.mark.parametrize(
    ("buyers", "supply", "edges"),
    [
        ([], [], everyone(0, 0)),
        ([], [3], everyone(0, 1)),
        ([Flat(5, 2)], [], everyone(1, 0)),
        ([Flat(5, 2)], [3], (np.zeros(0, int), np.zeros(0, int))),
        ([Flat(5, 2)], [0], everyone(1, 1)),
        ([Remainder(Flat(5, 2), 5)], [3], everyone(1, 1)),
    ],
)
def test_market_in_which_nothing_can_be_traded(buyers: list[Valuation], supply: list[float], edges: Edges) -> None:
    best = optimum(buyers, supply, edges)
    assert (best.welfare, best.bound) == (0, 0)
    assert best.quantity.tolist() == [0.0] * edges[0].size


def test_satisfied_buyer_leaves_the_supply_to_the_others() -> None:
    best = optimum([Remainder(Flat(5, 9), 5), Flat(5, 2)], [3], everyone(2, 1))
    assert best.quantity == pytest.approx([0, 3])


def test_plenty_satisfies_everybody() -> None:
    best = optimum([Parabolic(10, 3), Flat(5, 2)], [1e12], everyone(2, 1))
    assert best.welfare == pytest.approx(25, rel=1e-9)


@pytest.mark.parametrize(
    ("edges", "complaint"),
    [
        (([0, 1], [0]), r"edges must be two arrays of shape \(e,\)"),
        (([[0]], [[0]]), r"edges must be two arrays of shape \(e,\)"),
        (([1], [0]), "edges must name each buyer by an index below 1"),
        (([0], [-1]), "edges must name each seller by an index below 1"),
    ],
)
def test_rejects_edges_to_nowhere(edges: Edges, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        optimum([Flat(5, 2)], [3], edges)


def test_rejects_a_bad_supply_by_name() -> None:
    with pytest.raises(ValueError, match=r"^supply must be finite and at least 0"):
        optimum([Flat(5, 2)], [-3], everyone(1, 1))


def test_says_which_extra_brings_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'bidswarm\[launcher\]'"):
        optimum([Flat(5, 2)], [3], everyone(1, 1))


def test_solver_that_gives_up_is_no_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        x = None
        message = "time is up"

    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: Nothing())
    with pytest.raises(ArithmeticError, match="time is up"):
        optimum([Flat(5, 2)], [3], everyone(1, 1))


def test_what_a_solver_oversells_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def overselling(*arguments: Any, **options: Any) -> Any:
        result = linprog(*arguments, **options)
        result.x = result.x * 1.5
        return result

    monkeypatch.setattr("scipy.optimize.linprog", overselling)
    best = optimum([Flat(5, 2), Flat(9, 1)], [10], everyone(2, 1), rounds=1)
    assert best.quantity == pytest.approx([5, 5])
    assert best.welfare == pytest.approx(15)


def test_ls_proposition_3_bound_needs_large_allocations() -> None:
    assert welfare_loss_bound([2.1, 0.0, 9.0], supply=10, epsilon=4, curvature=1) == 80
    assert welfare_loss_bound([2.0, 0.0, 9.0], supply=10, epsilon=4, curvature=1) is None
    assert welfare_loss_bound([0.0], supply=10, epsilon=0, curvature=1) is None
    assert welfare_loss_bound([], supply=10, epsilon=0, curvature=1) is None


@pytest.mark.parametrize(("name", "bad"), [("supply", -1), ("epsilon", float("nan")), ("curvature", 0)])
def test_welfare_loss_bound_rejects_by_name(name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be"):
        welfare_loss_bound([1], **{"supply": 1.0, "epsilon": 1.0, "curvature": 1.0, name: bad})


def test_a_supply_of_next_to_nothing_is_no_trouble() -> None:
    best = optimum([Parabolic(1.0, 1.0)], np.array([1.0, 2.3e-311]), (np.array([0]), np.array([1])), tolerance=1e-3)
    assert 0.0 <= best.welfare <= best.bound <= 1e-300
