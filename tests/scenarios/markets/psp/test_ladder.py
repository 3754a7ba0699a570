"""The chain of auctions that shows the price ladder of the paper's eq. 20."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
from rich.console import Console

from scenarios.launch.options import Onlookers, RunOptions, World
from scenarios.launch.run import carry_out, run
from scenarios.markets.load import load
from scenarios.markets.psp.ladder import Switching, ladder_lines, ladder_of, nowhere_cheaper
from scenarios.markets.psp.results import Result
from scenarios.markets.psp.schema import Buyers, FlatValuation, OptOutStrategy, Scenario, Sellers


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    return [run("price-ladder", world="sim", seed=seed, out=tmp_path_factory.mktemp("runs")) for seed in range(6)]


def test_prices_rise_along_a_chain_of_auctions(chains: list[Result]) -> None:
    for chain in chains:
        assert chain.summary.status == "settled"
        first, *prices = chain.columns("auctions")["price_per_mb"]
        assert prices == sorted(prices)  # one buyer may be the last in two of them
        assert prices[0] < prices[-1]
        # The bridge may outbid all others at the first seller; then its own bid is what a newcomer has to beat.
        buyers = {row.buyer for row in chain.summary.allocations if row.seller == "seller-1" and row.quantity > 0.02}
        assert first == pytest.approx(2.7) if buyers == {"bridge-1"} else first <= prices[0]


def test_eq_20_ladder_holds_but_for_what_a_move_is_not_worth(chains: list[Result]) -> None:
    ladders = [chain.ladder.printed for chain in chains if chain.ladder]
    assert len(ladders) == len(chains)
    assert sum(ladder.checked for ladder in ladders) >= 20
    assert sum(ladder.violated for ladder in ladders) <= 0.2 * sum(ladder.checked for ladder in ladders)
    assert all(ladder.broken[0] == ladder.broken[2] == 0 for ladder in ladders)


def test_ladder_is_written_with_its_violations_by_name(chains: list[Result]) -> None:
    for chain in chains:
        written = json.loads((chain.run_dir / "convergence.json").read_bytes())["ladder"]
        assert chain.ladder
        printed, corrected = chain.ladder.printed, chain.ladder.corrected
        assert (written["checked"], written["violated"]) == (printed.checked, printed.violated)
        assert list(written["held"].values()) == [printed.checked - broken for broken in printed.broken]
        assert corrected
        assert written["corrected"] == dataclasses.asdict(corrected)
        assert all(k.startswith("seller-") and lower[-1] == k[-1] for k, lower, *_ in written["examples"])


@pytest.mark.usefixtures("no_pictures")
def test_eq_20_is_false_of_buyers_served_in_full_in_the_papers_own_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run("two-sellers", world="sim", seed=0, out=tmp_path)
    assert result.summary.efficiency == pytest.approx(1.0)
    assert result.ladder
    assert result.ladder.printed.checked == 0
    result.print(Console(width=200))
    assert "price ladder" not in capsys.readouterr().out
    assert result.theory() == [
        "no bound of the loss by Prop. 3 of Lazar & Semret, since reserve prices follow the bids"
    ]
    monkeypatch.setattr("scenarios.markets.psp.ladder.SERVED", math.inf)
    literal = ladder_of(result.market, result._metrics)
    assert (literal.printed.checked, literal.printed.violated) == (4, 4)
    assert literal.printed.broken == (0, 4, 0)
    assert ladder_lines(literal)[0].endswith("4 places: p*^k ≤ p_l in 4, p_l < p*^j in 0, p*^j ≤ p_i in 4")


def test_what_the_papers_say_is_told_to_who_asks_alone(
    chains: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    chains[0].print(Console(width=200))
    said = capsys.readouterr().out
    assert not any(word in said for word in ("eq. 20", "p*^", "no bound"))
    assert "nowhere cheaper: " in said
    assert [line.partition(",")[0] for line in chains[0].theory()] == [
        "no bound of the loss by Prop. 3 of Lazar & Semret",
        "price ladder (eq. 20",
    ]


def test_eq_20_corrected_is_missed_at_rest_by_no_more_than_the_gap(chains: list[Result]) -> None:
    for chain in chains:
        assert chain.ladder
        law = chain.ladder.corrected
        assert law
        assert law.buyers >= 9
        assert law.held == law.buyers
        assert law.most <= min(law.epsilon, chain.summary.epsilon_gap) + 1e-9
        told = f"nowhere cheaper: {law.held} of {law.buyers} buyers could save no more than ε = 0.2296"
        assert told in "".join(nowhere_cheaper(chain.ladder))


@pytest.mark.usefixtures("no_pictures")
def test_eq_20_corrected_is_broken_by_buyers_who_must_split_equally(tmp_path: Path) -> None:
    """4 of the 6 MB that A has of seller 1 displace B's bid at 1 per MB, and seller 2 has 4 MB left for nothing."""
    scenario = Scenario(
        name="halves",
        sellers=[Sellers(name="1", supply_mb=10.0), Sellers(name="2", supply_mb=10.0)],
        buyers=[
            Buyers(name="A", valuation=FlatValuation(demand_mb=12.0, value_per_mb=5.0), strategy=OptOutStrategy()),
            Buyers(
                name="B",
                sellers=["1"],
                valuation=FlatValuation(demand_mb=8.0, value_per_mb=1.0),
                strategy=OptOutStrategy(),
            ),
        ],
    )
    ladder = run(scenario, world="sim", out=tmp_path).ladder
    assert ladder
    assert ladder.corrected == Switching(buyers=1, held=0, epsilon=0.0, most=4.0)


@pytest.mark.parametrize("world", ["array", "sim"])
def test_ladder_is_worked_out_only_when_it_is_asked_for(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    for module in ("array", "ladder"):
        monkeypatch.setattr(f"scenarios.markets.psp.{module}.eq_20", lambda *_: asked.append(1))
    options = RunOptions(world=world, out=tmp_path, tables=False, pictures=False)
    result = carry_out(load("neighbourhood", ["buyers.0.count=5"]), options, Onlookers())
    assert not asked
    assert result.ladder is result.ladder is not None
    assert asked == [1]


@pytest.mark.usefixtures("no_pictures")
def test_ladder_of_rounds_has_the_same_rungs_as_that_of_messages(tmp_path: Path) -> None:
    for world in ("array", "sim"):
        results = [run("neighbourhood", seed=seed, world=world, out=tmp_path) for seed in (0, 2, 3)]
        ladders = [(result, result.ladder) for result in results if result.ladder]
        # No rung can be checked where every buyer has bought of every seller that it reaches.
        assert sum(ladder.printed.checked for _, ladder in ladders) > 0
        for result, ladder in ladders:
            assert ladder.printed.broken[0] == ladder.printed.broken[2] == 0
            law = ladder.corrected
            assert law
            assert 40 <= law.held == law.buyers <= 50
            assert law.most <= result.summary.epsilon_gap + 1e-9
