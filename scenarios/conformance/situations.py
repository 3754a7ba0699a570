"""Situations in which a buyer decides, drawn from a seed: ordinary ones, and those that nobody hopes for."""

import math
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from node.mechanism.valuation import Flat, Logarithmic, Parabolic, PiecewiseLinear, Valuation
from node.protocol.numbers import MAX_PRICE, MAX_QUANTITY_MB
from node.strategy.psp.offer import NOTHING, BuyerStrategy, Decision, Need, Offer, Target

DECISIONS = 4
"""In a row by one buyer, whose bids stand at the next one."""

Draw = Callable[[np.random.Generator], float]


class Step(msgspec.Struct, frozen=True):
    """One decision: what was asked, how long the buyer wished to think, and what it answered."""

    need: Need
    offers: Sequence[Offer]
    think_s: float
    decision: Decision


def episode(strategy: BuyerStrategy, seed: int, *, hostile: bool) -> Iterator[Step]:
    """What a fresh strategy does in some situations in a row; the others bid anew each time."""
    random, own = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    need = _need(random, hostile=hostile)
    standing = [NOTHING] * int(random.integers(1, 5))
    for k in range(DECISIONS):
        offers = [_offer(random, one, hostile=hostile) for one in standing]
        participants, round_trip_s = _crowd(random, hostile=hostile)
        think_s = strategy.think_time(participants, round_trip_s, own)
        decision = strategy.decide(0.1 * k, need, offers)
        yield Step(need, offers, think_s, decision)
        if decision.targets is not None:
            standing = list(decision.targets)


def _need(random: np.random.Generator, *, hostile: bool) -> Need:
    demand, price = _amount(random, MAX_QUANTITY_MB, hostile=hostile), _amount(random, MAX_PRICE, hostile=hostile)
    kinds: list[Valuation] = [
        Flat(demand, price),
        Parabolic(demand, price),
        Logarithmic(demand, price, 0.3 * price),
        PiecewiseLinear(((0.0, price), (0.4 * demand, 0.5 * price), (demand, 0.0))),
    ]
    valuation = kinds[int(random.integers(len(kinds)))]
    thrift = float(random.choice([math.inf, 1.0, 0.1, 0.0] if hostile else [math.inf, 0.5, 0.05]))
    return Need(valuation, thrift if thrift in {0.0, math.inf} else thrift * valuation.value(demand))


def _offer(random: np.random.Generator, standing: Target, *, hostile: bool) -> Offer:
    supply = _amount(random, MAX_QUANTITY_MB, hostile=hostile)
    if hostile and random.random() < 0.2:  # noqa: PLR2004 - sold out
        supply = 0.0
    reserve = float(random.choice([0.0, _amount(random, MAX_PRICE, hostile=hostile)]))
    count = int(random.choice([0, 1, 300] if hostile else [0, 3, 8]))
    quantities = [_amount(random, MAX_QUANTITY_MB, hostile=hostile) for _ in range(count)]
    prices = [max(reserve, _amount(random, MAX_PRICE, hostile=hostile)) for _ in range(count)]
    if random.random() < 0.3:  # noqa: PLR2004 - ties
        prices = [prices[0]] * count if prices else prices
    return Offer(supply, reserve, lambda: (quantities, prices), standing, whole=supply)


def _amount(random: np.random.Generator, most: float, *, hostile: bool) -> float:
    """Above 0: of the size of everyday, or anything from next to nothing to all that a message can carry."""
    if not hostile:
        return float(random.uniform(0.5, 100.0))
    return float(min(most, 10.0 ** random.uniform(-9.0, math.log10(most))))


def _crowd(random: np.random.Generator, *, hostile: bool) -> tuple[int, float]:
    if not hostile:
        return int(random.integers(1, 50)), 0.05
    return int(random.choice([0, 1, 1_000_000])), float(random.choice([0.0, 1e-9, 3600.0]))
