from collections.abc import Callable
from pathlib import Path

import pytest

from tests.own_code import MARKET

STRATEGY = '''
import os
import signal
from pathlib import Path

from bidswarm.psp import Decision, StrategyBase, Target


class Fateful(StrategyBase, frozen=True):
    """Bids for a tenth of the supply everywhere, unless its fate is another; of each life it leaves a trace."""

    fate: str = "bid"
    log: str = ""

    def decide(self, now, need, offers):
        if self.fate == "raise":
            raise ValueError("no idea what to bid")
        if self.fate == "die" or (self.fate == "die once" and not Path(self.log).exists()):
            Path(self.log or os.devnull).write_text("died", encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
        wanted = [0.1 * offer.whole for offer in offers]
        return Decision([Target(amount, need.valuation.marginal(sum(wanted))) for amount in wanted])
'''

SCENARIO = MARKET.replace('"own"', '"fates"') + 'strategy = { kind = "fateful:Fateful" }\n'

SMALL = {"buyers.0.count": [3, 6], "sellers.0.count": [3]}
"""Settings that make a quick market of ``neighbourhood``."""


@pytest.fixture
def fates(tmp_path: Path) -> str:
    """The path of a scenario whose buyers do what ``buyers.0.strategy.fate`` says."""
    (tmp_path / "fateful.py").write_text(STRATEGY, encoding="utf-8")
    (tmp_path / "fates.toml").write_text(SCENARIO, encoding="utf-8")
    return str(tmp_path / "fates.toml")


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[], dict[str, int]]:
    """When each file of a run in the folder ``sweep`` was written, nanoseconds, by its name."""
    return lambda: {path.name: path.stat().st_mtime_ns for path in (tmp_path / "sweep" / "runs").glob("*.json")}
