"""Code that scenarios of the tests bring, as a file and as an installed package."""

from pathlib import Path

STRATEGY = '''
from typing import Annotated

from msgspec import Meta

from bidswarm.psp import Decision, StrategyBase, Target


class Steady(StrategyBase, frozen=True):
    """Bids for a share of the supply at every seller, at what the last MB of all that is worth."""

    share: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.1

    def decide(self, now, need, offers):
        wanted = [self.share * offer.whole for offer in offers]
        return Decision([Target(amount, need.valuation.marginal(sum(wanted))) for amount in wanted])
'''

MECHANISM = '''
from typing import Annotated

from msgspec import Meta

from bidswarm.psp import MechanismBase


class Part(MechanismBase, frozen=True):
    """A winner pays a share of its bid."""

    share: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.5

    def charge(self, steps, quantity, price, amount):
        return self.share * price * amount
'''

VALUATION = '''
from bidswarm.psp import ValuationBase


class Even(ValuationBase, frozen=True):
    """Every MB is worth the same."""

    value_per_mb: float

    def value(self, quantity):
        return self.value_per_mb * min(quantity, self.demand_mb)

    def marginal(self, quantity):
        return self.value_per_mb if quantity <= self.demand_mb else 0.0

    def demand(self, price):
        return self.demand_mb if price < self.value_per_mb else 0.0
'''

MARKET = """
name = "own"
timeout_s = 30
[auction]
quiet_period_s = 0.5
[[sellers]]
name = "s"
supply_mb = 60
[[buyers]]
name = "b"
count = 2
valuation = { kind = "flat", demand_mb = 50, value_per_mb = 2.0 }
"""
"""A scenario whose last table is that of its buyers: a test may add their strategy."""

SCENARIO = MARKET + 'strategy = { kind = "steady:Steady", share = 0.25 }\n'


def write_scenario(folder: Path) -> str:
    """The scenario, with its strategy beside it; the path."""
    (folder / "steady.py").write_text(STRATEGY, encoding="utf-8")
    (folder / "own.toml").write_text(SCENARIO, encoding="utf-8")
    return str(folder / "own.toml")


def write_mechanism(folder: Path, mechanism: str = '"part:Part"') -> str:
    """The scenario, held by a mechanism that stands beside it, or by what else TOML says of one; the path."""
    (folder / "part.py").write_text(MECHANISM, encoding="utf-8")
    path = write_scenario(folder)
    text = SCENARIO.replace("[auction]", f"[auction]\nmechanism = {mechanism}")
    Path(path).write_text(text, encoding="utf-8")
    return path


def install(folder: Path) -> None:
    """What an installer leaves in a folder of packages: a module, and the name that it gives its class."""
    folder.mkdir(exist_ok=True)
    (folder / "steady_package.py").write_text(STRATEGY, encoding="utf-8")
    info = folder / "steady_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: steady-package\nVersion: 1.0\n", encoding="utf-8")
    points = (
        "[bidswarm.strategies]\nsteady = steady_package:Steady\n\n[bidswarm.mechanisms]\npart = part_package:Part\n"
    )
    (folder / "part_package.py").write_text(MECHANISM, encoding="utf-8")
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
