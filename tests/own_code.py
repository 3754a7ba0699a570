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

SCENARIO = """
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
strategy = { kind = "steady:Steady", share = 0.25 }
"""


def write_scenario(folder: Path) -> str:
    """The scenario, with its strategy beside it; the path."""
    (folder / "steady.py").write_text(STRATEGY, encoding="utf-8")
    (folder / "own.toml").write_text(SCENARIO, encoding="utf-8")
    return str(folder / "own.toml")


def install(folder: Path) -> None:
    """What an installer leaves in a folder of packages: a module, and the name that it gives its class."""
    folder.mkdir(exist_ok=True)
    (folder / "steady_package.py").write_text(STRATEGY, encoding="utf-8")
    info = folder / "steady_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: steady-package\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[bidswarm.strategies]\nsteady = steady_package:Steady\n", encoding="utf-8")
