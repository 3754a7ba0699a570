"""The course of a market is folded in bounded memory, and says how far the market had come."""

import numpy as np
import pytest

from node.mechanism.checks import FloatArray
from node.protocol.psp.trace import BidPlaced
from node.protocol.trace import Record
from node.trace.psp.metrics import MarketMetrics
from scenarios.launch.run import run
from scenarios.markets.load import load
from scenarios.markets.psp import course
from scenarios.markets.psp.market import draw
from scenarios.markets.psp.results import Result


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run("neighbourhood", world="sim", seed=2, out=tmp_path_factory.mktemp("runs"))


def test_moments_are_even_and_end_with_the_summary(finished: Result) -> None:
    times = [moment.time_s for moment in finished.moments]
    assert np.diff(times) == pytest.approx(np.full(len(times) - 1, times[0]))
    last, summary = finished.moments[-1], finished.summary
    assert (last.time_s, last.bids, last.epsilon_gap) == (summary.duration_s, summary.bids, summary.epsilon_gap)
    assert last.welfare == summary.welfare


def test_gap_falls_from_far_above_the_last_epsilon_to_a_multiple_of_it(finished: Result) -> None:
    gaps = [moment.epsilon_gap for moment in finished.moments]
    assert max(gaps) > 10 * 0.6
    assert gaps[-1] <= 3 * 0.6


def test_messages_to_rest_are_bids_and_the_profiles_that_answer(finished: Result) -> None:
    rest, last = finished.quiescence, finished.moments[-1]
    assert rest.bids < rest.messages <= last.messages <= finished.summary.messages
    assert [moment.messages for moment in finished.moments] == sorted(moment.messages for moment in finished.moments)


def test_gaps_are_not_worked_out_again_where_nothing_has_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    market, asked = draw(load("single-auction"), 0), list[float]()

    def gaps(_market: object, metrics: MarketMetrics) -> FloatArray:
        asked.append(metrics.time_s)
        return np.array([0.5 + metrics.bids])

    monkeypatch.setattr(course, "gaps", gaps)
    buyer, seller = f"h/{market.buyers[0].name}", f"h/{market.sellers[0].name}"
    bids = [Record(time_s, buyer, BidPlaced(seller, 0, k, 5.0, 1.0)) for k, time_s in enumerate((1.0, 1.5, 9.0))]
    moments = course.fold(market, bids, until=40.0).moments

    assert asked == [1.0, 1.5, 9.0]
    assert [moment.epsilon_gap for moment in moments] == [0.5 + moment.bids for moment in moments]
    assert [moment.bids for moment in moments] == [1, 2, 2, 2, 2, 2, 2, 2, 3]


def rows(count: int, most: int) -> course.Convergence:
    kept = course._Rows(sellers=1)
    kept._most = most
    metrics = course.metrics_of(draw(load("single-auction"), 0))
    kept.add(metrics)
    for k in range(1, count + 1):
        metrics.time_s = float(k)
        kept.may_add(metrics)
    return kept.convergence()


def test_few_rows_are_all_kept() -> None:
    assert rows(10, most=20).time_s.tolist() == [float(k) for k in range(11)]


def test_too_many_rows_are_thinned_evenly_from_the_first_on() -> None:
    times = rows(1_000, most=20).time_s
    assert times.size <= 21
    assert times[0] == 0.0
    assert len(set(np.diff(times[:-1]).tolist())) == 1
