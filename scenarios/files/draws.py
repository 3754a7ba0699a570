"""Drawing the numbers of a scenario."""

from functools import partial
from itertools import islice

import numpy as np

from scenarios.errors import ScenarioError
from scenarios.files.tables import Choice, LogNormal, Normal, Number, Uniform


def drawn(number: Number, random: np.random.Generator) -> float:
    """The number itself, or one drawn from its distribution.

    Raises
    ------
    ScenarioError
        If a normal distribution hardly ever lies between its bounds.
    """
    match number:
        case Uniform(low=low, high=high):
            return float(random.uniform(low, high))
        case Normal(mean=mean, deviation=deviation, low=low, high=high):
            draws = iter(partial(random.normal, mean, deviation), None)
            found = next((value for value in islice(draws, 100_000) if low <= value <= high), None)
            if found is None:
                raise ScenarioError(f"a normal {mean} ± {deviation} hardly ever lies in [{low}, {high}]")
            return float(found)
        case LogNormal(median=median, sigma=sigma):
            return float(random.lognormal(np.log(median), sigma))
        case Choice(values=values):
            return float(random.choice(values))
    return float(number)


def check_bound(what: str, number: float, most: float) -> None:
    """ScenarioError if ``number`` is more than a message can carry."""
    if number > most:
        raise ScenarioError(f"{what} = {number:g} must be at most {most:g}")
