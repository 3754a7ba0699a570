"""What a run leaves behind."""

import copy
import json
from pathlib import Path
from typing import Any

import matplotlib.image
import msgspec
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from node.mechanism.valuation import Parabolic
from node.protocol.psp.trace import BidPlaced, ExchangeRecord
from node.protocol.trace import Record
from scenarios.launch.run import run
from scenarios.markets.psp.equilibrium import gaps
from scenarios.markets.psp.results import Allocation, Result
from scenarios.markets.psp.schema import AuctionTable, Buyers, FlatValuation, OptOutStrategy, Scenario, Sellers
from scenarios.markets.psp.tables import print_result
from scenarios.results import trace as events

SMALL = ["buyers.0.count=8", "sellers.0.count=3"]


@pytest.fixture(scope="module", autouse=True)
def pictures() -> None:
    """They are drawn."""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run("neighbourhood", settings=SMALL, world="sim", out=tmp_path_factory.mktemp("runs"))


def test_the_folder_holds_tables_figures_and_pictures(result: Result) -> None:
    names = {path.name for path in result.run_dir.iterdir()}

    assert names == {
        "manifest.json",
        "market.json",
        "summary.json",
        "counters.json",
        "journals",
        "convergence.json",
        "allocations.parquet",
        "auctions.parquet",
        "bids.parquet",
        "buyers.parquet",
        "convergence.parquet",
        "events.parquet",
        "outcome.json",
        "scenario.toml",
        "convergence.pdf",
        "convergence.png",
        "convergence.svg",
    }


def test_the_manifest_says_how_to_run_the_same_again(result: Result) -> None:
    manifest = json.loads((result.run_dir / "manifest.json").read_text())

    assert manifest["status"] == "settled"
    assert manifest["seed"] == 0
    assert manifest["scenario"]["buyers"][0]["count"] == 8
    assert len(manifest["scenario_sha256"]) == 64
    assert {"bidswarm", "numpy", "python"} <= set(manifest["versions"])


def test_the_picture_is_one(result: Result) -> None:
    picture = matplotlib.image.imread(result.run_dir / "convergence.png")

    assert picture.shape[0] > 500
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 20
    assert (result.run_dir / "convergence.svg").read_text().lstrip().startswith("<?xml")


def test_tables_and_summary_agree(result: Result) -> None:
    allocations = pq.read_table(result.run_dir / "allocations.parquet").to_pandas()
    auctions = pq.read_table(result.run_dir / "auctions.parquet").to_pandas()
    buyers = pq.read_table(result.run_dir / "buyers.parquet").to_pandas()
    summary = result.summary

    assert allocations.quantity.sum() == pytest.approx(summary.sold)
    assert auctions.sold_mb.sum() == pytest.approx(summary.sold)
    assert buyers.bought_mb.sum() == pytest.approx(summary.sold)
    assert allocations.charge.sum() == pytest.approx(summary.revenue)
    assert auctions.revenue.sum() == pytest.approx(summary.revenue)
    assert buyers.value.sum() == pytest.approx(summary.welfare)
    assert buyers.bids.sum() == summary.bids
    assert (auctions.sold_mb <= auctions.supply_mb * (1 + 1e-9)).all()
    assert (buyers.utility > -1e-9).all()


def test_events_are_in_the_order_of_time_and_count_the_bids(result: Result) -> None:
    table = pq.read_table(result.run_dir / "events.parquet").to_pandas()

    assert table.time_s.is_monotonic_increasing
    assert table.kind.isin(["bid", "withdraw"]).sum() == result.summary.bids


def test_welfare_ends_at_the_reported_one_below_the_optimum(result: Result) -> None:
    assert result.convergence.welfare[-1] == pytest.approx(result.summary.welfare)
    assert result.summary.welfare <= result.summary.optimum * (1 + 1e-9)
    assert result.summary.efficiency > 0.99
    assert 0.99 * result.summary.most_gains < result.summary.gains_from_trade <= result.summary.most_gains * (1 + 1e-9)


def test_the_result_is_there_as_arrays_and_dataframes(result: Result) -> None:
    bought, paid = result.matrix(), result.matrix("charge")
    assert (list(bought.index), list(bought.columns)) == (
        [buyer.name for buyer in result.market.buyers],
        [seller.name for seller in result.market.sellers],
    )
    assert bought.to_numpy().sum() == pytest.approx(result.summary.sold)
    assert paid.to_numpy().sum() == pytest.approx(result.summary.revenue)
    frame = result.frame("allocations")
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["buyer", "seller", "quantity", "charge"]


@pytest.mark.usefixtures("no_pictures")
def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    folders = {run("two-sellers", world="sim", out=tmp_path).run_dir for _ in range(3)}

    assert len(folders) == 3


@pytest.mark.usefixtures("no_pictures")
def test_a_scenario_built_in_python_runs_like_a_file(tmp_path: Path) -> None:
    scenario = Scenario(
        name="two-users",
        sellers=[Sellers(name="s", supply_mb=10.0)],
        buyers=[
            Buyers(name="rich", valuation=FlatValuation(demand_mb=8.0, value_per_mb=3.0)),
            Buyers(
                name="poor",
                valuation=FlatValuation(demand_mb=8.0, value_per_mb=1.0),
                strategy=OptOutStrategy(split="fill-largest-first"),
            ),
        ],
    )
    result = run(scenario, world="sim", out=tmp_path)

    assert result.matrix()["s"].to_dict() == {"rich": 8.0, "poor": 2.0}
    assert result.summary.welfare == pytest.approx(26.0)
    # The rich one pays what the poor one would have paid for the 6 MB more, and nothing for the 2 MB nobody wants.
    assert [row.charge for row in result.summary.allocations] == pytest.approx([6.0, 0.0])


@pytest.mark.usefixtures("no_pictures")
def test_the_gap_is_what_a_buyer_could_still_gain(tmp_path: Path) -> None:
    result = run("neighbourhood", settings=[*SMALL, "auction.quiet_period_s=0.001"], world="sim", out=tmp_path)
    early = gaps(result.market, result._metrics).max()

    assert early > 1.0  # nobody had the time to improve on its first bids
    assert early == result.summary.epsilon_gap


@pytest.mark.usefixtures("no_pictures")
def test_gains_from_trade_are_told_where_a_reserve_keeps_supply_from_being_sold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = Scenario(
        name="dear",
        sellers=[Sellers(name="s", supply_mb=10.0, reserve_price_per_mb=2.0)],
        buyers=[
            Buyers(name="rich", valuation=FlatValuation(demand_mb=4.0, value_per_mb=3.0), strategy=OptOutStrategy()),
            Buyers(name="poor", valuation=FlatValuation(demand_mb=6.0, value_per_mb=1.0), strategy=OptOutStrategy()),
        ],
    )
    result = run(scenario, world="sim", out=tmp_path)
    summary = result.summary

    assert (summary.welfare, summary.optimum) == (pytest.approx(12.0), pytest.approx(18.0))
    assert (summary.gains_from_trade, summary.most_gains) == (pytest.approx(4.0), pytest.approx(4.0))
    assert (summary.efficiency, summary.efficiency_of) == (pytest.approx(1.0), "gains_from_trade")
    assert summary.efficiencies == {"welfare": pytest.approx(2 / 3), "gains_from_trade": pytest.approx(1.0)}
    print_result(result, Console(width=200))
    printed = capsys.readouterr().out
    assert "efficiency 100.0000%: gains from trade 4.0000 of at most 4.0000\n" in printed
    assert "beside it: welfare 12.0000 of at most 18.0000 (66.6667%)\n" in printed


@pytest.mark.usefixtures("no_pictures")
def test_the_gap_counts_what_a_deviation_does_to_the_reserve(tmp_path: Path) -> None:
    scenario = Scenario(
        name="hl-opt-out",
        auction=AuctionTable(reserve_rule="highest-losing", reserve_step_per_mb=0.01),
        sellers=[Sellers(name="s", supply_mb=10.0)],
        buyers=[
            Buyers(name="A", valuation=FlatValuation(demand_mb=10.0, value_per_mb=5.0), strategy=OptOutStrategy()),
            Buyers(name="B", valuation=FlatValuation(demand_mb=5.0, value_per_mb=1.0), strategy=OptOutStrategy()),
        ],
    )
    summary = run(scenario, world="sim", out=tmp_path).summary

    # A pays 1.01 for each MB because B loses; a little less than 10 MB would cost it 5.
    assert summary.revenue == pytest.approx(10.1)
    assert summary.epsilon_gap == pytest.approx(5.1)
    assert summary.truthfulness_gap == pytest.approx(5.1)


def test_a_line_cut_short_by_a_crash_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    log = events.EventLog(tmp_path / "events" / "a.jsonl")
    log.write([Record(1.0, "h/n", BidPlaced("h/s", 0, 1, 2.0, 3.0))])
    log.close()
    with (tmp_path / "events" / "a.jsonl").open("ab") as file:
        file.write(b'[2.0,"h/n",["bi')

    assert [record.time_s for record in events.read(tmp_path, ExchangeRecord)] == [1.0]


def test_parts_of_several_workers_are_merged_by_time(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    for part, times in (("a", (1.0, 3.0)), ("b", (2.0, 4.0))):
        log = events.EventLog(tmp_path / "events" / f"{part}.jsonl")
        log.write([Record(time, "h/n", BidPlaced("h/s", 0, 1, 2.0, 3.0)) for time in times])
        log.close()

    assert [record.time_s for record in events.read(tmp_path, ExchangeRecord)] == [1.0, 2.0, 3.0, 4.0]


def test_a_drawn_buyer_has_the_valuation_of_its_table(result: Result) -> None:
    theta = result.market.buyers[0].valuation

    assert 20.0 <= theta.demand_mb <= 100.0
    assert Parabolic(theta.demand_mb, theta.choke_price_per_mb).marginal(0.0) == theta.choke_price_per_mb


def test_the_rest_of_the_buyers_is_counted_in_moves(result: Result) -> None:
    rest = json.loads((result.run_dir / "convergence.json").read_text())

    assert rest["quiescence"]["bids"] == result.summary.bids
    assert 8 <= rest["quiescence"]["moves"] < result.summary.bids  # a move bids at several sellers
    assert 0.0 < rest["quiescence"]["time_s"] < result.summary.duration_s
    assert rest["oscillations"] == []


@pytest.mark.usefixtures("no_pictures")
def test_buyers_that_cycle_are_reported(tmp_path: Path) -> None:
    restless = 'buyers.0.strategy={kind="best-reply", epsilon_step_money=0.6, epsilon_fee_money=0.6, think_max_s=0.03}'
    result = run("neighbourhood", settings=[restless], world="sim", timeout_s=3.0, out=tmp_path)

    assert result.summary.status == "timeout"
    assert len(result.oscillations) > 5


def test_influence_sets_are_sized_for_every_auction(result: Result) -> None:
    auctions = result.frame("auctions")

    assert (auctions.influencing_sellers == 3).all()  # each buyer reaches all three
    assert (auctions.influencing_buyers == 8).all()


def test_buyers_from_elsewhere_are_in_the_allocations_alone(result: Result) -> None:
    (market, summary) = (result.market, result.summary)
    bought = [*summary.allocations, Allocation("stranger", market.sellers[0].name, 5.0, 2.5)]
    mixed = copy.copy(result)
    mixed.summary = msgspec.structs.replace(summary, allocations=bought)
    assert "stranger" in mixed.columns("allocations")["buyer"]
    assert mixed.columns("buyers") == result.columns("buyers")
    assert mixed.matrix().equals(result.matrix())


def test_a_notebook_shows_the_result_and_draws_it(result: Result) -> None:
    html = result._repr_html_()
    assert html.startswith("<pre>")
    assert all(seller.name in html for seller in result.market.sellers)
    assert result.plot().axes[0].get_ylabel() == "market price\nper MB"


@pytest.mark.usefixtures("no_pictures")
def test_the_mechanism_and_what_lying_could_gain_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run("two-sellers", settings=["auction.mechanism=pay-as-bid"], world="sim", out=tmp_path)
    figures = json.loads((result.run_dir / "summary.json").read_text())

    # A values each of its 50 MB at 1 and pays that; the reserve of 0.01 would do.
    assert (figures["mechanism"], figures["truthfulness_gap"]) == ("pay-as-bid", pytest.approx(49.5))
    assert json.loads((result.run_dir / "convergence.json").read_text())["ladder"] is None
    print_result(result, Console(width=200))
    printed = capsys.readouterr().out
    assert "7 nodes, simulated network, mechanism pay-as-bid" in printed
    assert "by misreporting, over its best truthful bids: 49.5" in printed
    assert "since the mechanism is pay-as-bid" in "".join(result.theory())


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        (["sellers.0.supply_mb=0", "sellers.1.supply_mb=0"], "nothing could be gained: no seller has any MB\n"),
        (
            ["sellers.*.reserve_price_per_mb=1e6", "auction.reserve_rule=fixed"],
            "nothing could be gained: no buyer values",
        ),
        ([], "efficiency 100.0000%: "),
    ],
)
def test_a_market_in_which_nothing_can_be_gained_is_not_called_efficient(
    settings: list[str], status: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run("two-sellers", world="sim", settings=settings, out=tmp_path, pictures=False)
    print_result(result, Console(width=200))
    printed = capsys.readouterr().out
    assert f"\n{status}" in printed
    assert ("%" in printed) == (not settings)
    assert "nan" not in printed
    assert f"two-sellers: {status[:16]}" in result.plot().get_suptitle()


@pytest.mark.usefixtures("no_pictures")
def test_one_message_is_no_plural(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = ["sellers.0.count=1", "buyers.0.count=1", "buyers.0.sellers_each=1", "sellers.0.reserve_price_per_mb=1000"]
    print_result(run("neighbourhood", world="sim", settings=alone, out=tmp_path), Console(width=200))
    assert " s and 1 bid or profile; " in capsys.readouterr().out


@pytest.mark.usefixtures("no_pictures")
def test_rounds_are_not_said_to_have_sent_messages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_result(run("neighbourhood", world="array", out=tmp_path), Console(width=200))
    printed = capsys.readouterr().out
    assert " bids, 60 nodes, in rounds without messages, mechanism psp\n" in printed
    assert "0 messages" not in printed
    assert " 0 bids" not in printed


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("world", ["sim", "array"])
def test_allocations_are_in_the_order_of_the_market(tmp_path: Path, world: Any) -> None:
    result = run("neighbourhood", settings=["buyers.0.count=21", "sellers.0.count=11"], world=world, out=tmp_path)
    places = [(int(one.buyer[6:]), int(one.seller[7:])) for one in result.summary.allocations]
    assert places == sorted(places)
    assert {2, 3, 20} <= {buyer for buyer, _ in places}


@pytest.mark.usefixtures("no_pictures")
def test_what_a_newcomer_must_beat_is_called_the_entry_price(
    result: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    print_result(result, Console(width=200))
    heads = [line.split("  ") for line in capsys.readouterr().out.split("\n") if line.startswith(("buyer ", "seller "))]
    assert [line[-1].strip() for line in heads] == ["per MB", "entry price"]
