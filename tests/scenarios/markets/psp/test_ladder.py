"""The chain of auctions that shows the price ladder of the paper's eq. 20."""

import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from scenarios.launch.run import run
from scenarios.markets.psp.ladder import ladder_of
from scenarios.markets.psp.results import Result


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    return [run("price-ladder", world="sim", seed=seed, out=tmp_path_factory.mktemp("runs")) for seed in range(6)]


def test_prices_rise_along_a_chain_of_auctions(chains: list[Result]) -> None:
    for chain in chains:
        assert chain.summary.status == "settled"
        prices = chain.columns("auctions")["price_per_mb"]
        assert prices[0] <= prices[1] <= prices[2] <= prices[3] <= prices[4]  # one buyer may be the last in two of them
        assert prices[0] < prices[4]


def test_eq_20_ladder_holds_but_for_what_a_move_is_not_worth(chains: list[Result]) -> None:
    ladders = [chain.ladder for chain in chains if chain.ladder]
    assert len(ladders) == len(chains)
    assert sum(ladder.checked for ladder in ladders) >= 20
    assert sum(ladder.violated for ladder in ladders) <= 0.2 * sum(ladder.checked for ladder in ladders)


def test_ladder_is_written_with_its_violations_by_name(chains: list[Result]) -> None:
    for chain in chains:
        written = json.loads((chain.run_dir / "convergence.json").read_bytes())["ladder"]
        assert chain.ladder
        assert (written["checked"], written["violated"]) == (chain.ladder.checked, chain.ladder.violated)
        assert all(k.startswith("seller-") and lower[-1] == k[-1] for k, lower, *_ in written["examples"])


@pytest.mark.usefixtures("no_pictures")
def test_eq_20_is_false_of_buyers_served_in_full_in_the_papers_own_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run("two-sellers", world="sim", seed=0, out=tmp_path)
    assert result.summary.efficiency == pytest.approx(1.0)
    assert result.ladder
    assert result.ladder.checked == 0
    result.print(Console(width=200))
    assert "price ladder" not in capsys.readouterr().out
    monkeypatch.setattr("scenarios.markets.psp.ladder.SERVED", math.inf)
    literal = ladder_of(result.market, result._metrics)
    assert (literal.checked, literal.violated) == (4, 4)
