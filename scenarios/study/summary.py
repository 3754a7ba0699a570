"""The figures of a study of the price weight as they are printed and kept (docs/studies.md)."""

from typing import Any

import msgspec

from scenarios.study.intersections import Intersections
from scenarios.study.price_weight import PAPERS_TABLE, PriceWeightStudy, Table

PAPER = {
    "p_intersection": 0.67,
    "mean": 0.598485785786,
    "median": 0.628628628629,
    "std": 0.252423222481,
    "cdf_025": 0.13,
    "cdf_075": 0.68,
    "p_win_025_predicted": 0.4171,
    "p_win_025_simulated": 0.4136,
    "p_win_075_predicted": 0.7856,
    "p_win_075_simulated": 0.7866,
}
"""What the paper prints for three bidders and 10,000 runs (section III.C, Fig. 4)."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one way of bidding, with the standard error of each by its name."""

    p_intersection: float
    mean: float
    median: float
    std: float
    cdf_025: float
    cdf_075: float
    p_win_025_predicted: float
    p_win_025_simulated: float
    p_win_075_predicted: float
    p_win_075_simulated: float
    standard_errors: dict[str, float]


class Auction(msgspec.Struct, frozen=True):
    """One auction as in Table I, one number per bidder, and the price weight down to which the cheapest wins."""

    costs: list[float]
    reputations: list[float]
    bids: list[float]
    intersection: float


class Summary(Figures, frozen=True, kw_only=True):
    """A study: the paper's figures at the top, those in equilibrium below ``private_equilibrium``."""

    study: str = "dmp-price-weight"
    status: str
    bidders: int
    runs: int
    draws: int
    seed: int
    p_intersection_exact: float
    private_equilibrium: Figures
    drawn_auction: Auction
    papers_auction: Auction


def summarise(study: PriceWeightStudy) -> Summary:
    """The summary of a study; the same study has the same bytes."""
    return Summary(
        **_figures(study.fixed),
        status="complete" if study.is_complete else "interrupted",
        bidders=study.bidders,
        runs=study.runs,
        draws=study.draws,
        seed=study.seed,
        p_intersection_exact=1.0 - 1.0 / study.bidders,
        private_equilibrium=Figures(**_figures(study.private)),
        drawn_auction=_auction(study.table),
        papers_auction=_auction(PAPERS_TABLE),
    )


def _figures(intersections: Intersections) -> dict[str, Any]:
    return {**intersections.figures(), "standard_errors": intersections.standard_errors()}


def _auction(table: Table) -> Auction:
    return Auction(table.cost.tolist(), table.reputation.tolist(), table.bid.tolist(), table.intersection)
