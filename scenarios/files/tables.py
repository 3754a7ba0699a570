"""Tables that scenario files of any market may hold: numbers to draw, and the simulated network."""

from typing import Annotated

import msgspec

from node.protocol.numbers import MAX_QUANTITY_MB
from scenarios.files.types import Loss, Seconds, Share, Table

Megabytes = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_QUANTITY_MB)]


Positive = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_QUANTITY_MB)]


class Uniform(Table, frozen=True, kw_only=True, tag_field="distribution", tag="uniform"):
    """Uniform between ``low`` and ``high``."""

    low: Megabytes
    high: Megabytes


class Normal(Table, frozen=True, kw_only=True, tag_field="distribution", tag="normal"):
    """Normal, drawn again until it lies between ``low`` and ``high``."""

    mean: float
    deviation: Positive
    low: Megabytes = 0.0
    high: Megabytes = MAX_QUANTITY_MB


class LogNormal(Table, frozen=True, kw_only=True, tag_field="distribution", tag="log-normal"):
    """Log-normal with this median; ``sigma`` is the deviation of the logarithm."""

    median: Positive
    sigma: Positive


class Choice(Table, frozen=True, kw_only=True, tag_field="distribution", tag="choice"):
    """One of ``values``, each as likely."""

    values: Annotated[list[Megabytes], msgspec.Meta(min_length=1)]


Number = Megabytes | Uniform | Normal | LogNormal | Choice
"""A number, or a distribution from which each member of a population draws its own."""


class NetworkTable(Table, frozen=True, kw_only=True):
    """The simulated network; over MQTT the network is what it is."""

    delay_min_s: Seconds = 0.0005
    delay_max_s: Seconds = 0.003
    loss: Loss = 0.0
    duplication: Share = 0.0
    reordering: Share = 0.0
