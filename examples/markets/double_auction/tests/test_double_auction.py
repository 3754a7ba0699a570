"""The call market: its mechanism against a dumb oracle, and whole runs."""

import random
import subprocess
from pathlib import Path

import pytest
from double_auction.mechanism import clear

import bidswarm


@pytest.mark.parametrize("seed", range(300))
def test_call_reaches_all_gains_from_trade_at_a_price_that_suits_everybody(seed: int) -> None:
    draw = random.Random(seed)
    bids, asks = ([(draw.choice([1, 2, 2.5]), draw.randint(1, 6)) for _ in range(draw.randint(0, 6))] for _ in "ba")
    outcome = clear(bids, asks, k=draw.choice([0.0, 0.3, 1.0]))
    assert sum(outcome.bought) == pytest.approx(sum(outcome.sold))
    for units, (wanted, limit) in zip(outcome.bought, bids, strict=True):
        assert units == 0 or (units <= wanted and limit >= outcome.price)
    for units, (offered, limit) in zip(outcome.sold, asks, strict=True):
        assert units == 0 or (units <= offered and limit <= outcome.price)
    dear = sorted((limit for units, limit in bids for _ in range(int(2 * units))), reverse=True)
    cheap = sorted(limit for units, limit in asks for _ in range(int(2 * units)))
    gains = sum(amount * limit for amount, (_, limit) in zip(outcome.bought, bids, strict=True))
    gains -= sum(amount * limit for amount, (_, limit) in zip(outcome.sold, asks, strict=True))
    assert 2 * gains == pytest.approx(sum(max(0, bid - ask) for bid, ask in zip(dear, cheap, strict=False)))


@pytest.mark.parametrize("world", ["sim", "mqtt"])
def test_truthful_traders_reach_all_gains(world: str, tmp_path: Path) -> None:
    result = bidswarm.run("call-market", world=world, out=tmp_path, seed=3)
    assert (result.summary.status, result.summary.efficiency) == ("settled", pytest.approx(1.0))
    assert (result.run_dir / "call.png").exists()
    assert {record.kind for record in bidswarm.read_trace(result.run_dir)} == {"order", "called", "filled"}
    ledger = subprocess.run(["bidswarm", "ledger", result.run_dir], capture_output=True, text=True, check=True)
    assert "40 fills, 40 of them known to their traders" in ledger.stdout


def test_shading_loses_gains(tmp_path: Path) -> None:
    result = bidswarm.run("call-market", world="sim", out=tmp_path, settings=["traders.0.shade=0.4"])
    assert 0.5 < result.summary.efficiency < 1.0


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_among_faults(seed: int, tmp_path: Path) -> None:
    slow = ["network.delay_min_s=0.02", "network.delay_max_s=0.1", "chaos.loss=0.1"]
    crash = "chaos.faults=[{kind='crash', at_s=0.08, for_s=3, nodes=['maker', 'buyer-1']}]"
    result = bidswarm.run("call-market", world="sim", out=tmp_path, seed=seed, settings=[*slow, crash])
    assert (result.summary.status, len(result.summary.faults)) == ("settled", 1)
    assert subprocess.run(["bidswarm", "ledger", result.run_dir], check=False).returncode == 0
