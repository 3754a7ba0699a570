"""Auctions of other mechanisms than PSP as real processes over a broker."""

from pathlib import Path

import pytest

from scenarios.launch.run import run


@pytest.mark.parametrize("name", ["uniform-price", "pay-as-bid"])
def test_a_market_of_the_mechanism_settles_over_a_broker(name: str, tmp_path: Path) -> None:
    result = run(name, broker="embedded", hosts=2, out=tmp_path)
    assert (result.summary.status, result.summary.mechanism) == ("settled", name)
    assert result.summary.efficiency > 0.95
    assert result.summary.sold > 0.9 * result.summary.supply
    assert not [reason for reason in result.counters if reason.startswith("rejected")]
