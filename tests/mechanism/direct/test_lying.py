"""What is searched for the best lie, and whose."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.direct import DIRECT, DirectMechanism, MultiBid, OperatorMatching, Reports, Vcg, lying
from node.mechanism.direct.reports import had, utility
from node.mechanism.valuation import Capped, Flat, Parabolic, Scaled
from tests.mechanism.direct.reported import gain_of_lying, markets, reports_of

TOLERANCE = 1e-6
every = pytest.mark.parametrize("mechanism", DIRECT.values(), ids=DIRECT)


def test_who_pays_what_it_says_says_one_low_price_for_all_that_it_wants() -> None:
    """At 2 per MB it beats its rival for 60 MB, which are worth 420; no share of its own curve pays so little."""
    reports = reports_of([Parabolic(100.0, 10.0), Flat(100.0, 1.9)], [(60.0, 0.0)], [{0}, {0}])
    assert 290.0 < gain_of_lying(OperatorMatching(), reports, 0) <= 420.0 - 60.0 * 1.9


@every
@settings(max_examples=20)
@given(markets(), st.data())
def test_no_misreport_gains_more_than_the_bound(
    mechanism: DirectMechanism, reports: Reports, data: st.DataObject
) -> None:
    if mechanism.is_equilibrium:
        return  # nothing is reported there
    buyer = data.draw(st.integers(0, len(reports.valuations) - 1))
    theta, outcome = reports.valuations[buyer], mechanism.outcome(reports)
    told = data.draw(
        st.one_of(
            st.builds(lambda factor: Scaled(theta, factor), st.floats(0.05, 20.0)),
            st.builds(lambda share: Capped(theta, share * theta.value(theta.demand_mb)), st.floats(0.01, 1.0)),
            st.builds(Flat, st.floats(0.1, 80.0), st.floats(0.1, 20.0)),
        )
    )
    lied = utility(theta, reports.budgets[buyer], mechanism.bundle(reports.with_report(buyer, told), buyer))
    most = mechanism.most_to_gain(reports, outcome, buyer)
    assert lied - had(reports, outcome, buyer) <= most + TOLERANCE


POOR = reports_of(
    [Flat(60.0, 9.0), Flat(50.0, 5.0), Parabolic(90.0, 8.0), Flat(20.0, 1.0)],
    [(90.0, 0.01), (60.0, 0.01)],
    [{0}, {0, 1}, {0, 1}, {1}],
    [500.0, 6.0, 80.0, 40.0],
)
"""Who can pay most has least reason to lie."""


@every
def test_the_gain_is_that_of_the_buyer_who_gains_most(mechanism: DirectMechanism) -> None:
    outcome = mechanism.outcome(POOR)
    gains = [mechanism.gain_of_lying(POOR, outcome, buyer) for buyer in range(4)]
    liar, gain = mechanism.largest_gain_of_lying(POOR, outcome)
    assert gain == max(gains) == gains[liar]


def test_under_a_budget_it_is_not_the_buyer_who_can_pay_most() -> None:
    for mechanism in (Vcg(), MultiBid()):
        liar, gain = mechanism.largest_gain_of_lying(POOR, mechanism.outcome(POOR))
        assert liar > 0
        assert gain > 10.0


def test_who_cannot_gain_more_than_is_found_is_not_searched() -> None:
    searched = list[int]()

    def gain(buyer: int) -> float:
        searched.append(buyer)
        return 2.0 * buyer

    assert lying.largest_gain({0: 1.0, 1: 3.0, 2: 9.0, 3: 0.5}, gain, 1e-9) == (2, 4.0)
    assert searched == [2]
    assert lying.largest_gain({0: 1e-12}, gain, 1e-9) == (0, 0.0)


def test_of_very_many_buyers_those_with_most_at_stake_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Vcg().outcome(POOR)
    assert lying.with_most_at_stake(POOR, outcome) == [0, 1, 2, 3]
    monkeypatch.setattr(lying, "MOST_BUYERS", 2)
    left = {
        buyer: theta.value(theta.demand_mb) - had(POOR, outcome, buyer) for buyer, theta in enumerate(POOR.valuations)
    }
    assert lying.with_most_at_stake(POOR, outcome) == sorted(left, key=left.__getitem__, reverse=True)[:2]


@settings(max_examples=20)
@given(markets(), st.data())
def test_who_stays_away_is_as_one_who_wants_nothing(reports: Reports, data: st.DataObject) -> None:
    buyer = data.draw(st.integers(0, len(reports.valuations) - 1))
    absent = reports.with_report(buyer, Flat(1e-12, 1e-12))
    there = [had(absent, Vcg().outcome(absent), one) for one in range(len(reports.valuations)) if one != buyer]
    others = reports.without(buyer)
    outcome = Vcg().outcome(others)
    assert [had(others, outcome, one) for one in range(len(others.valuations))] == pytest.approx(there, abs=1e-5)
    assert all(math.isfinite(one) for one in there)
