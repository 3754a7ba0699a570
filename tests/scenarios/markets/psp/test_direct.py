"""A market in the world ``direct``."""

from pathlib import Path
from typing import Any

import pytest

from node.mechanism.direct import DIRECT
from scenarios.errors import ScenarioError
from scenarios.launch.run import run
from scenarios.report.report import report_on
from scenarios.sweep.sweep import sweep

SMALL = ["buyers.0.count=8", "sellers.0.count=2", "buyers.0.sellers_each=2"]


def worked_out(out: Path, mechanism: str, *settings: str, seed: int = 1) -> Any:
    return run(
        "neighbourhood",
        world="direct",
        seed=seed,
        settings=[*SMALL, f"auction.mechanism={mechanism}", *settings],
        out=out,
        pictures=False,
    )


@pytest.mark.parametrize("mechanism", DIRECT)
def test_every_mechanism_has_a_result_in_the_tables_of_the_other_worlds(mechanism: str, tmp_path: Path) -> None:
    result = worked_out(tmp_path, mechanism)
    one = result.summary
    assert (one.status, one.mechanism, one.world, one.messages, one.bytes) == ("settled", mechanism, "direct", 0, 0)
    assert 0.0 < one.efficiency <= 1.0 + 1e-9
    assert sum(result.columns("buyers")["charge"]) == pytest.approx(one.revenue)
    assert sum(result.columns("auctions")["sold_mb"]) == pytest.approx(one.sold)
    assert (one.buyers_at_a_loss, one.buyers_over_budget) == (0, 0)


def test_vcg_is_efficient_truthful_and_no_equilibrium_of_liars(tmp_path: Path) -> None:
    one = worked_out(tmp_path, "vcg").summary
    assert one.efficiency == pytest.approx(1.0, abs=1e-9)
    assert (one.truthfulness_gap, one.epsilon_gap) == (0.0, 0.0)


def test_who_lies_to_the_operator_is_not_in_equilibrium_with_the_truth(tmp_path: Path) -> None:
    one = worked_out(tmp_path, "operator-matching").summary
    assert one.truthfulness_gap == one.epsilon_gap > 0.0


def test_proportional_share_is_an_equilibrium_whatever_price_takers_would_do(tmp_path: Path) -> None:
    one = worked_out(tmp_path, "proportional-share").summary
    assert one.truthfulness_gap > one.epsilon_gap == 0.0


def test_posted_price_is_the_reserve_unless_another_is_posted(tmp_path: Path) -> None:
    at_reserve = worked_out(tmp_path, "posted-price").summary
    assert at_reserve.revenue == pytest.approx(0.01 * at_reserve.sold)
    posted = worked_out(tmp_path, "posted-price", "auction.posted_price_per_mb=3").summary
    assert posted.revenue == pytest.approx(3.0 * posted.sold)
    assert posted.most_gains == at_reserve.most_gains


def test_report_makes_the_same_result_from_the_folder(tmp_path: Path) -> None:
    result = worked_out(tmp_path, "clearing-house")
    before = (result.run_dir / "summary.json").read_bytes()
    (result.run_dir / "summary.json").unlink()
    report_on(result.run_dir)
    assert (result.run_dir / "summary.json").read_bytes() == before


def test_a_folder_without_what_came_out_is_named(tmp_path: Path) -> None:
    folder = worked_out(tmp_path, "clearing-house").run_dir
    (folder / "direct.json").write_text("{}")
    with pytest.raises(
        ScenarioError, match=r"direct.json cannot be read: .*; it is what a run in world 'direct' leaves"
    ):
        report_on(folder)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("auction.mechanism=psp", "auction.mechanism = 'psp': world 'direct' knows 'posted-price', "),
        (
            "auction.reserve_rule=highest-losing",
            "auction.reserve_rule = 'highest-losing': world 'direct' knows 'fixed'",
        ),
        ("buyers.0.joins_at_s=1", "shifts = 8: world 'direct' knows no shifts"),
        ("chaos.faults=[]", "chaos = '…': world 'direct' knows no faults"),
        ("buyers.0.count=2600", "sellers_each: pairs of buyer and seller = 5200: world 'direct' knows at most 5,000"),
    ],
)
def test_what_it_cannot_work_out_is_named(setting: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=text):
        worked_out(tmp_path, "vcg", setting)


@pytest.mark.parametrize("world", ["sim", "mqtt"])
def test_nodes_cannot_hold_its_mechanisms(world: Any, tmp_path: Path) -> None:
    with pytest.raises(
        ScenarioError, match=r"auction.mechanism = 'vcg': is worked out in world 'direct' alone: choose"
    ):
        run("neighbourhood", world=world, settings=["auction.mechanism=vcg"], out=tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_sweep_runs_over_its_mechanisms(tmp_path: Path) -> None:
    settings = {"auction.mechanism": ["vcg", "clearing-house"], "buyers.0.count": [8]}
    swept = sweep("neighbourhood", settings, seeds="0:2", world="direct", out=tmp_path / "swept", workers=1)
    assert swept.frame()["efficiency"].tolist() == pytest.approx([1.0] * 4, abs=0.05)
