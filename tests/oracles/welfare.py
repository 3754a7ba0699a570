"""Closed forms of the efficient allocation."""

from typing import Any

import numpy as np


def water_filling(demand_mb: Any, choke_price: Any, supply: float) -> np.ndarray:
    """Parabolic buyers who can all reach all supply: a = [demand - μ/κ]⁺, with μ the price at which it runs out."""
    demand, choke = np.asarray(demand_mb, float), np.asarray(choke_price, float)
    kappa = choke / demand
    if demand.sum() <= supply:
        return demand
    order = np.argsort(-choke)
    for count in range(1, demand.size + 1):
        inside = order[:count]
        price = (demand[inside].sum() - supply) / (1.0 / kappa[inside]).sum()
        if count == demand.size or price >= choke[order[count]]:
            break
    return np.maximum(demand - max(price, 0.0) / kappa, 0.0)
