"""The Monte Carlo against the paper and against the integrals it tends to; errors are standard errors."""

import numpy as np
import pytest

from scenarios.errors import ScenarioError
from scenarios.study.price_weight import PriceWeightStudy, price_weight_study
from scenarios.study.summary import PAPER
from tests.scenarios.study import exact

# Of some hundred seeded comparisons in this file, fewer than one in ten thousand would miss by chance.
ERRORS = 4.5


@pytest.fixture(scope="module")
def million() -> PriceWeightStudy:
    return price_weight_study(bidders=3, runs=1_000_000, seed=0)


@pytest.mark.parametrize("key", PAPER)
def test_eq_15_and_section_iii_c_figures_are_met_within_their_error(million: PriceWeightStudy, key: str) -> None:
    # The paper has 10,000 runs, ten times the standard error of a million, and prints some figures with two digits.
    error = 10.0 * million.fixed.standard_errors()[key]
    digits = len(str(PAPER[key]).partition(".")[2])
    assert abs(million.fixed.figures()[key] - PAPER[key]) < 3.0 * error + 0.5 * 10.0**-digits


@pytest.mark.parametrize("key", PAPER)
@pytest.mark.parametrize(("bids", "slope"), [("fixed", 2 / 3), ("private", 1.0)])
def test_figure_is_met_without_the_paper(million: PriceWeightStudy, bids: str, slope: float, key: str) -> None:
    found = getattr(million, bids)
    assert abs(found.figures()[key] - exact.figures(3, slope)[key]) < ERRORS * found.standard_errors()[key]


@pytest.mark.parametrize("bidders", range(2, 9))
def test_section_iii_c_share_of_draws_with_an_intersection(bidders: int) -> None:
    study = price_weight_study(bidders, runs=50_000, seed=bidders)
    for found in (study.fixed, study.private):
        error = found.standard_errors()["p_intersection"]
        assert error < 0.0025
        assert abs(found.p_intersection - (1.0 - 1.0 / bidders)) < ERRORS * error


@pytest.mark.parametrize("bidders", [2, 8])
def test_chance_to_win_with_another_number_of_bidders(bidders: int) -> None:
    study = price_weight_study(bidders, runs=50_000, seed=1)
    for found, slope in ((study.fixed, 1.0 - 1.0 / bidders), (study.private, 1.0)):
        wanted = exact.figures(bidders, slope)
        errors = found.standard_errors()
        assert {key for key, is_ in found.figures().items() if abs(is_ - wanted[key]) > ERRORS * errors[key]} == set()


def test_standard_errors_are_how_far_seeds_scatter() -> None:
    studies = [price_weight_study(3, runs=2_000, seed=seed).fixed for seed in range(200)]
    stated = studies[0].standard_errors()
    for key in stated:
        scatter = np.std([study.figures()[key] for study in studies], ddof=1)
        assert stated[key] == pytest.approx(scatter, rel=0.25), key


@pytest.mark.parametrize("block", [1, 7, 1_000])
def test_size_of_the_blocks_changes_nothing(block: int) -> None:
    one, other = (price_weight_study(3, runs=500, seed=2, block=size) for size in (None, block))
    assert np.array_equal(one.fixed.weights, other.fixed.weights)
    assert np.array_equal(one.private.weights, other.private.weights)
    assert (one.draws, one.fixed.wins, one.private.wins) == (other.draws, other.fixed.wins, other.private.wins)
    assert np.array_equal(one.table.cost, other.table.cost)


def test_both_ways_of_bidding_see_the_same_draws_and_equilibrium_favours_the_cheapest() -> None:
    study = price_weight_study(3, runs=5_000, seed=4)
    assert len(study.fixed.weights) == len(study.private.weights) == study.runs == 5_000
    assert study.fixed.weights[0] == study.table.intersection
    # b* narrows differences of cost by 1 - 1/N, so the reputation decides earlier.
    assert np.all(study.private.weights < study.fixed.weights)


def test_a_study_that_is_stopped_keeps_what_it_has() -> None:
    told: list[int] = []

    def watch(found: int) -> bool:
        told.append(found)
        return len(told) < 3

    part = price_weight_study(3, runs=10_000, seed=0, block=100, watch=watch)
    whole = price_weight_study(3, runs=10_000, seed=0)

    assert not part.is_complete
    assert part.runs == told[-1]
    assert part.draws == 300
    assert np.array_equal(part.fixed.weights, whole.fixed.weights[: part.runs])


def test_a_study_that_is_stopped_before_its_first_intersection_has_no_result() -> None:
    with pytest.raises(KeyboardInterrupt):
        price_weight_study(2, runs=10, seed=0, block=1, watch=lambda found: found > 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bidders": 1}, "--bidders: 1 is out of range; give a whole number from 2 to 1,000"),
        ({"runs": 0}, "--runs: 0 is out of range; give a whole number from 1 to 10,000,000"),
        ({"seed": -1}, "--seed: -1 is out of range; give a whole number at least 0"),
    ],
)
def test_an_option_out_of_its_range_is_named(options: dict[str, int], words: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        price_weight_study(**options)
    assert str(raised.value) == words
