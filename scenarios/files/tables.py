"""Tables that scenario files of any market may hold: numbers to draw, and the simulated network."""

import math
from functools import partial
from itertools import islice
from typing import Annotated, NamedTuple

import msgspec
import numpy as np

from node.protocol.numbers import MAX_QUANTITY_MB
from scenarios.errors import ScenarioError
from scenarios.files.types import Loss, Seconds, Share, Table, meaning

Megabytes = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_QUANTITY_MB)]
Positive = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_QUANTITY_MB)]


MOST_TRIES = 100_000
"""So often a normal distribution is drawn from for a number between its bounds."""


class Bound(NamedTuple):
    """The most that a distribution can draw, and the key that says so."""

    key: str
    most: float


class Uniform(Table, frozen=True, kw_only=True, tag_field="distribution", tag="uniform"):
    """Uniform between ``low`` and ``high``."""

    low: Annotated[Megabytes, meaning("the least that is drawn")]
    high: Annotated[Megabytes, meaning("the most that is drawn")]

    def check(self, key: str) -> None:
        """The lower bound must not exceed the upper one."""
        _check_bounds(key, self.low, self.high)

    def draw(self, random: np.random.Generator) -> float:
        """One number."""
        return float(random.uniform(self.low, self.high))

    @property
    def bound(self) -> Bound:
        """Its upper one."""
        return Bound("high", self.high)


class Normal(Table, frozen=True, kw_only=True, tag_field="distribution", tag="normal"):
    """Normal, drawn again until it lies between ``low`` and ``high``."""

    mean: Annotated[float, meaning("mean of the normal distribution")]
    deviation: Annotated[Positive, meaning("its standard deviation")]
    low: Annotated[Megabytes, meaning("what is less is drawn again")] = 0.0
    high: Annotated[Megabytes, meaning("what is more is drawn again")] = MAX_QUANTITY_MB

    def check(self, key: str) -> None:
        """The mean must lie between the bounds."""
        _check_bounds(key, self.low, self.high)
        if not self.low <= self.mean <= self.high:
            raise ScenarioError(f"{key}.mean = {self.mean} must lie between low and high")

    def draw(self, random: np.random.Generator) -> float:
        """One number; ScenarioError if hardly any lies between the bounds."""
        draws = iter(partial(random.normal, self.mean, self.deviation), None)
        found = next((value for value in islice(draws, MOST_TRIES) if self.low <= value <= self.high), None)
        if found is None:
            raise ScenarioError(
                f"a normal {self.mean} ± {self.deviation} hardly ever lies in [{self.low}, {self.high}]"
            )
        return float(found)

    @property
    def bound(self) -> Bound:
        """Its upper one."""
        return Bound("high", self.high)


class LogNormal(Table, frozen=True, kw_only=True, tag_field="distribution", tag="log-normal"):
    """Log-normal with this median; ``sigma`` is the deviation of the logarithm."""

    median: Annotated[Positive, meaning("half of the numbers are below it")]
    sigma: Annotated[Positive, meaning("standard deviation of the logarithm")]

    def draw(self, random: np.random.Generator) -> float:
        """One number."""
        return float(random.lognormal(np.log(self.median), self.sigma))

    @property
    def bound(self) -> Bound:
        """None: any number may come."""
        return Bound("distribution", math.inf)


class Choice(Table, frozen=True, kw_only=True, tag_field="distribution", tag="choice"):
    """One of ``values``, each as likely."""

    values: Annotated[list[Megabytes], msgspec.Meta(min_length=1), meaning("each as likely")]

    def draw(self, random: np.random.Generator) -> float:
        """One number."""
        return float(random.choice(self.values))

    @property
    def bound(self) -> Bound:
        """The largest of them."""
        return Bound("values", max(self.values))


Distribution = Uniform | Normal | LogNormal | Choice

Number = Megabytes | Distribution
"""A number, or a distribution from which each member of a population draws its own."""


def _check_bounds(key: str, low: float, high: float) -> None:
    if low > high:
        raise ScenarioError(f"{key}.low = {low} must not exceed high = {high}")


class NetworkTable(Table, frozen=True, kw_only=True):
    """The simulated network; over MQTT the network is what it is."""

    delay_min_s: Annotated[Seconds, meaning("the least time that a frame takes")] = 0.0005
    delay_max_s: Annotated[Seconds, meaning("the most; each frame takes a uniform time between the two")] = 0.003
    loss: Annotated[Loss, meaning("share of frames that never arrive")] = 0.0
    duplication: Annotated[Share, meaning("share of frames that arrive twice")] = 0.0
    reordering: Annotated[
        Share, meaning("share of frames that may overtake earlier ones between the same two hosts")
    ] = 0.0

    def check(self, key: str) -> None:
        """There must be a delay between the bounds."""
        if self.delay_min_s > self.delay_max_s:
            raise ScenarioError(
                f"{key}.delay_min_s = {self.delay_min_s} must not exceed {key}.delay_max_s = {self.delay_max_s}"
            )
