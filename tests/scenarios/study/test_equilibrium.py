"""``bidswarm study dmp-equilibrium``, and the figures that it prints."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from node.mechanism.dmp import CommonEquilibrium, PrivateEquilibrium, Uniform, best_reply_gain, first_price_bid
from scenarios.study.equilibrium import common_bids, cost_distribution, private_bids
from scenarios.study.replies import Rivals
from tests.conftest import Command
from tests.scenarios.study.pictures import check_png, check_svg

THREE = ("--reputation", "0.25", "--reputation", "0.5", "--reputation", "0.75")
PRIVATE_KEYS = [
    *("information", "study", "w", "bidders", "cost", "reputations", "costs", "bids", "paper_bids"),
    *("best_reply_gain", "paper_best_reply_gain", "run_dir"),
]
COMMON_KEYS = [
    *("information", "study", "w", "bidders", "cost", "reputations", "lower", "upper", "entry", "costs", "bids"),
    *("compound_bids", "paper_bids", "best_reply_gain", "run_dir"),
]


def test_private_equilibrium_as_json(study: Callable[..., Command]) -> None:
    options = ("--w", "0.5", "--bidders", "3", "--cost", "beta:2,5", "--format", "json")
    code, stdout, stderr = study("dmp-equilibrium", *options).finished()

    found = json.loads(stdout)
    assert (code, stdout.count("\n"), stderr) == (0, 1, "")
    assert list(found) == PRIVATE_KEYS
    bids = PrivateEquilibrium(0.5, 3, cost_distribution("beta:2,5")).bid(found["costs"], 0.25)
    assert found["bids"][1] == pytest.approx(bids.tolist())
    folder = Path(found.pop("run_dir"))
    assert json.loads((folder / "summary.json").read_bytes()) == found
    assert json.loads((folder / "manifest.json").read_bytes())["status"] == "complete"
    check_png(folder / "bids.png")
    check_svg(folder / "bids.svg")


def test_common_knowledge_as_text(study: Callable[..., Command]) -> None:
    command = study("dmp-equilibrium", "--w", "0.55", "--bidders", "3", *THREE)
    code, stdout, _ = command.finished()

    (folder,) = command.out.iterdir()
    assert code == 0
    assert "lie between 0.4073 and 0.7100" in stdout
    assert "operator 3: bids from 0.4332 on" in stdout
    assert str(folder) in stdout
    check_png(folder / "bids.png")


@pytest.mark.parametrize("information", [(), THREE])
def test_without_a_price_weight_there_is_no_equilibrium(
    information: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], main: Callable[..., int]
) -> None:
    out = tmp_path / "runs"
    code = main("study", "dmp-equilibrium", "--w", "0", "--bidders", "3", *information, "--out", str(out))

    stdout, stderr = capsys.readouterr()
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert "w must be above 0 for an equilibrium" in stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--w", "1.5"), "--w: 1.5 is out of range; give a number above 0 and at most 1"),
        (("--w", "nan"), "--w: nan is out of range"),
        (("--bidders", "1"), "--bidders: 1 is out of range; give a whole number from 2 to 1,000"),
        (("--reputation", "0.5"), "--reputation: given 1 times for --bidders 3; give it once for each"),
        (("--reputation", "2", *THREE[2:]), "--reputation: 2 is out of range; give a number from 0 to 1"),
        (("--cost", "gamma:1,2"), "--cost: gamma:1,2 is not understood; give uniform, or beta:A,B"),
        (("--cost", "beta:0.5,0.5"), "A and B at least 1"),
        (("--cost", "beta:2,5", *THREE), "--cost: beta:2,5 does not go with --reputation; leave one of them out"),
    ],
)
def test_a_wrong_option_is_one_line_with_the_remedy(
    arguments: tuple[str, ...], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], main: Callable[..., int]
) -> None:
    out = tmp_path / "runs"
    code = main("study", "dmp-equilibrium", "--w", "0.5", "--bidders", "3", *arguments, "--out", str(out))

    stdout, stderr = capsys.readouterr()
    assert (code, stdout, stderr.count("\n")) == (2, "", 1)
    assert words in stderr
    assert not out.exists()


@pytest.mark.parametrize("bidders", [2, 3, 5])
@pytest.mark.parametrize("w", [0.25, 0.75])
def test_nobody_gains_by_leaving_the_equilibrium_but_some_do_by_leaving_the_papers_bids(w: float, bidders: int) -> None:
    found = private_bids(w, bidders, points=21)
    assert np.max(found.best_reply_gain) < 5e-6
    assert np.max(found.paper_best_reply_gain) > 0.01


def test_at_a_price_weight_of_one_the_papers_bids_are_the_equilibrium() -> None:
    found = private_bids(1.0, 4)
    assert found.bids == pytest.approx(np.array([found.paper_bids] * 5))
    assert np.max(found.paper_best_reply_gain) < 5e-6


@pytest.mark.parametrize(("cost", "reputation"), [(0.0, 0.0), (0.3, 0.25), (0.6, 1.0)])
def test_gain_over_the_papers_bids_is_that_of_a_search_over_simulated_rivals(cost: float, reputation: float) -> None:
    # 400,000 drawn rivals: chances, hence gains, are exact to some 0.0015.
    w, bidders = 0.6, 3
    random = np.random.default_rng(1)
    rival = np.sort(w * (1.0 / 3 + 2.0 / 3 * random.random(400_000)) + (1.0 - w) * random.random(400_000))

    def utility(bid: float) -> float:
        lower = np.searchsorted(rival, w * bid + (1.0 - w) * reputation)
        return (bid - cost) * (1.0 - float(lower) / rival.size) ** (bidders - 1)

    best = -optimize.brute(lambda bid: -utility(bid[0]), [(cost, 2.0)], Ns=2_000, full_output=True, finish=None)[1]
    own = utility(cost + (1.0 - cost) / bidders)
    equilibrium = PrivateEquilibrium(w, bidders)
    papers = np.array([w * (cost + (1.0 - cost) / bidders) + (1.0 - w) * reputation])
    gain = Rivals.of_first_price(equilibrium).gain(equilibrium, equilibrium.pseudo_type(cost, reputation)[None], papers)

    assert gain[0] == pytest.approx(best - own, abs=2e-3)


@pytest.mark.parametrize(("w", "bidders"), [(0.75, 3), (0.3, 2)])
def test_largest_gain_over_the_papers_bids_is_what_an_audit_of_them_finds(w: float, bidders: int) -> None:
    audit = best_reply_gain(lambda c, r: first_price_bid(c, bidders) + 0.0 * r, w, bidders)
    found = private_bids(w, bidders, points=41)
    row = found.reputations.index(audit.reputation)
    assert max(found.paper_best_reply_gain[row]) == pytest.approx(audit.gain, abs=2e-6)


def test_common_knowledge_as_json_has_the_documented_keys(
    main: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--w", "0.75", "--bidders", "3", *THREE, "--format", "json", "--out", str(tmp_path))
    assert main("study", "dmp-equilibrium", *options) == 0
    found = json.loads(capfd.readouterr().out)

    assert list(found) == COMMON_KEYS
    assert (found["lower"], found["upper"]) == pytest.approx((0.3751, 0.8389), abs=6e-5)
    assert found["best_reply_gain"] < 1e-5
    assert np.shape(found["bids"]) == np.shape(found["compound_bids"]) == (3, 11)


def test_an_operator_far_ahead_always_wins(
    main: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--w", "0.1", "--bidders", "2", "--reputation", "0", "--reputation", "1", "--out", str(tmp_path))
    assert main("study", "dmp-equilibrium", *options) == 0
    stdout = capfd.readouterr().out
    assert "operator 1: bids from 0.9000 on" in stdout
    assert "operator 2: can never win, and bids its cost" in stdout


def test_common_knowledge_has_the_known_figures() -> None:
    found = common_bids(CommonEquilibrium(0.5, (0.25, 0.75)))
    assert (found.lower, found.upper) == pytest.approx((0.515625, 0.75), abs=1e-6)
    assert found.bids[1][-1] == pytest.approx(1.0)
    assert np.array(found.compound_bids) == pytest.approx(
        0.5 * np.array(found.bids) + 0.5 * np.array([[0.25], [0.75]]), abs=1e-9
    )


def test_cost_option_names_a_distribution() -> None:
    assert cost_distribution("uniform") == Uniform()
    assert float(cost_distribution("beta:1,1").cdf(0.3)) == pytest.approx(0.3)
