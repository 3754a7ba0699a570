"""What operators bid in equilibrium, with private reputations or with reputations that everybody knows."""

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray
from node.mechanism.dmp import (
    Beta,
    CommonEquilibrium,
    Distribution,
    PrivateEquilibrium,
    Uniform,
    common_best_reply_gain,
    first_price_bid,
)
from scenarios.errors import ScenarioError
from scenarios.extras import needs
from scenarios.study.replies import Rivals

REPUTATIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shown where reputations are private; lower is better."""

ROWS, POINTS = 11, 201
"""Costs in the table, and in the picture."""


class PrivateBids(msgspec.Struct, frozen=True, kw_only=True, tag_field="information", tag="private"):
    """The private-reputation equilibrium: ``bids`` and both gains have one row per reputation, one column per cost."""

    study: str = "dmp-equilibrium"
    w: float
    bidders: int
    cost: str
    reputations: list[float]
    costs: list[float]
    bids: list[list[float]]
    paper_bids: list[float]
    best_reply_gain: list[list[float]]
    paper_best_reply_gain: list[list[float]]


class CommonBids(msgspec.Struct, frozen=True, kw_only=True, tag_field="information", tag="common"):
    """The common-knowledge equilibrium: ``bids`` and ``compound_bids`` have a row per operator, a column per cost.

    ``entry`` is the lowest compound bid of each operator. One at ``upper`` or above can never win, unless the operator
    has the best reputation: then its advantage is so large that it always bids ``upper``, and always wins.
    ``best_reply_gain`` is the most that any operator gains by bidding otherwise.
    """

    study: str = "dmp-equilibrium"
    w: float
    bidders: int
    cost: str
    reputations: list[float]
    lower: float
    upper: float
    entry: list[float]
    costs: list[float]
    bids: list[list[float]]
    compound_bids: list[list[float]]
    paper_bids: list[float]
    best_reply_gain: float


def private_bids(w: float, bidders: int, cost: str = "uniform", points: int = ROWS) -> PrivateBids:
    """The bids for some reputations at ``points`` evenly spaced costs, beside the paper's b*.

    Raises
    ------
    ScenarioError
        If ``cost`` is not understood, or scipy is missing for it.
    NoEquilibriumError
        If ``w`` is 0.
    """
    distribution = cost_distribution(cost)
    equilibrium = PrivateEquilibrium(w, bidders, distribution)
    costs = np.linspace(distribution.low, distribution.high, points)
    reputations = np.array(REPUTATIONS)[:, None]
    types = equilibrium.pseudo_type(costs, reputations)
    papers = np.asarray(first_price_bid(costs, bidders, distribution))
    in_papers_place = w * papers + (1.0 - w) * reputations
    own = np.asarray(equilibrium.compound(types))
    return PrivateBids(
        w=w,
        bidders=bidders,
        cost=cost,
        reputations=list(REPUTATIONS),
        costs=costs.tolist(),
        bids=np.asarray(equilibrium.bid(costs, reputations)).tolist(),
        paper_bids=papers.tolist(),
        best_reply_gain=Rivals.in_equilibrium(equilibrium).gain(equilibrium, types, own).tolist(),
        paper_best_reply_gain=Rivals.of_first_price(equilibrium).gain(equilibrium, types, in_papers_place).tolist(),
    )


def common_bids(equilibrium: CommonEquilibrium, points: int = ROWS) -> CommonBids:
    """The bids of each operator at ``points`` evenly spaced costs, beside the paper's b*."""
    cost = equilibrium.cost
    costs = np.linspace(cost.low, cost.high, points)
    bidders = len(equilibrium.reputations)
    operators = range(bidders)
    return CommonBids(
        w=equilibrium.w,
        bidders=bidders,
        cost="uniform",
        reputations=list(equilibrium.reputations),
        lower=equilibrium.lower,
        upper=equilibrium.upper,
        entry=equilibrium.entry.tolist(),
        costs=costs.tolist(),
        bids=[_listed(equilibrium.bid(operator, costs)) for operator in operators],
        compound_bids=[_listed(equilibrium.compound(operator, costs)) for operator in operators],
        paper_bids=_listed(first_price_bid(costs, bidders, cost)),
        best_reply_gain=common_best_reply_gain(equilibrium).gain,
    )


def cost_distribution(text: str) -> Distribution:
    """The distribution on [0, 1] that ``--cost`` names.

    Raises
    ------
    ScenarioError
        If it is not understood, or scipy is missing for it.
    """
    kind, _, shapes = text.partition(":")
    try:
        if text == "uniform":
            return Uniform()
        a, b = (float(shape) for shape in shapes.split(","))
        if kind != "beta":
            raise ValueError(kind)  # noqa: TRY301 - the same answer as for a shape that is none
        if min(a, b) < 1.0:
            raise ValueError(shapes)  # noqa: TRY301 - infinite densities are beyond the quadrature of pseudo-types
        distribution = Beta(a, b)
    except ValueError as error:
        raise ScenarioError(
            f"--cost: {text} is not understood; give uniform, or beta:A,B with A and B at least 1, such as beta:2,5"
        ) from error
    needs("scipy.special")
    return distribution


def _listed(values: FloatArray) -> list[float]:
    return [float(value) for value in values]
