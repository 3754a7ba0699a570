"""What people have happen in a run over real brokers, from its page."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from node.protocol.trace import Record, Trace
from node.trace.psp.ledger import Ledger
from scenarios.cli.ledger import journals_of
from scenarios.launch.options import Onlookers, RunOptions
from scenarios.launch.run import carry_out, run
from scenarios.markets.base import Market
from scenarios.markets.load import load
from scenarios.markets.registry import read_journal, read_trace
from scenarios.markets.steering import Order
from scenarios.results import folder as rundir
from tests.mqtt.test_chaos import BROKERS

SMALL = ("buyers.0.count=6", "sellers.0.count=3", "auction.retry_s=0.2", "auction.quiet_period_s=1")

HELD_OPEN = "auction.open_at_least_s=3"

Kinds = list[str]
"""Of the records that have been heard: what they are, and of whom."""


class Scripted:
    """A page on which somebody orders each thing when what is to come before has been heard."""

    def __init__(self, *script: tuple[Callable[[Kinds], bool], Order]) -> None:
        self.told = 0
        self.kinds: Kinds = []
        self.answers: list[tuple[str, bool]] = []
        self.markets: list[Market] = []
        self._script = list(script)

    def hear(self, records: Sequence[Record[Trace]]) -> None:
        self.told += len(records)
        self.kinds.extend(f"{one.kind} {one.node}" for one in records)

    def reach(self) -> float:
        return math.inf

    def take_step(self) -> bool:
        return False

    def stepped(self, now_s: float) -> None:
        raise AssertionError(now_s)

    def take_order(self) -> Order | None:
        if self._script and self._script[0][0](self.kinds):
            return self._script.pop(0)[1]
        return None

    def take_move(self) -> None:
        """Nobody acts for a user."""

    def revise(self, market: Market) -> None:
        self.markets.append(market)

    def answer(self, text: str, *, is_refused: bool) -> None:
        self.answers.append((text, is_refused))

    def close(self) -> None:
        assert not self._script


def at_once(kinds: Kinds) -> bool:
    del kinds
    return True


def once_more(condition: Callable[[Kinds], bool]) -> Callable[[Kinds], bool]:
    """When it has been looked again since the condition held: what was due then has been done."""
    looks: list[bool] = []
    return lambda kinds: condition(kinds) and (looks.append(True) or len(looks) > 1)


def when(kind: str) -> Callable[[Kinds], bool]:
    return lambda kinds: any(one.startswith(kind) for one in kinds)


def records_of(folder: Path, *kinds: str) -> list[Record[Trace]]:
    return [one for one in read_trace(folder) if one.kind in kinds]


@BROKERS
def test_all_that_is_offered_happens_and_the_folder_has_it(broker: str, tmp_path: Path) -> None:
    page = Scripted(
        (at_once, Order("leave", "buyer-2")),
        (when("bid"), Order("leave", "buyer-77")),
        (at_once, Order("leave", "buyer-2")),
        (at_once, Order("supply", "seller-1", 2.0)),
        (at_once, Order("valuation", "buyer-3", 2.0)),
        (at_once, Order("cut-off", "buyer-1", 0.5)),
        (when("valuation host-3/buyer-3"), Order("kill", "buyer-3", 1.0)),
        (at_once, Order("kill", "seller-3", 0.2)),
        (once_more(when("fault chaos/crash")), Order("valuation", "buyer-3", 1.0)),
    )
    options = RunOptions(broker=broker, hosts=3, out=tmp_path, pictures=False)
    result = carry_out(load("neighbourhood", (*SMALL, HELD_OPEN)), options, Onlookers(page=page))
    folder = Path(result.summary.run_dir)

    said = [text if is_refused else text.partition(" s: ")[2] for text, is_refused in page.answers]
    assert said == [
        "the market is not open yet: nothing can happen in it before",
        next(text for text, _ in page.answers if "'buyer-77': there is no such user" in text),
        "buyer-2: leaves",
        "seller-1: supply changes, 2 times what it had at first",
        "buyer-3: valuation changes, 2 times as at first",
        "buyer-1: its host is cut off with 2 other users for 0.5 s",
        "buyer-3: its host is killed with 2 other users and starts again after 1 s",
        "host-3 is killed again before it would be back: give it less",
        "host-3 is down, or has no broker: nothing happens to it before it is back",
    ]
    assert_happened(folder, result)
    assert_is_repeated(folder, result, tmp_path)


def assert_happened(folder: Path, result: Any) -> None:
    """The trace has each where and when it was planned, and what was agreed on meanwhile holds."""
    left, supply, valuation = (shift.at_s for shift in result.market.shifts)
    due = {"host-2/buyer-2": left, "host-1/seller-1": supply, "host-3/buyer-3": valuation}
    happened = {one.node: one.time_s for one in reversed(records_of(folder, "left", "supply", "valuation"))}
    assert happened.keys() == due.keys()
    assert all(happened[node] >= due_s for node, due_s in due.items())
    rows = [(row.kind, row.hosts) for row in result.summary.faults]
    assert rows == [("partition", ["host-1"]), ("crash", ["host-3"])]
    # Who is killed goes by the shift in its next life too, since it knows when the market opened.
    lives = [one.kind for one in records_of(folder, "valuation", "resumed") if one.node == "host-3/buyer-3"]
    assert lives == ["valuation", "resumed", "valuation"]
    noted = [one.time_s for one in read_journal(folder / "journals" / "worker-3.sqlite") if one.kind == "opened"]
    assert noted == [rundir.read_json(folder / "manifest.json")["opened_at_s"]]
    ledger = Ledger(entry for path in journals_of([folder]) for entry in read_journal(path))
    assert (ledger.breaches, ledger.doubts) == ([], [])
    assert result.summary.status == "settled"
    assert result.counters["sent"] == result.summary.messages > 0


def assert_is_repeated(folder: Path, result: Any, out: Path) -> None:
    """The scenario of the folder, simulated, has the same at the same times."""
    again = run(str(folder / "scenario.toml"), world="sim", out=out / "again", pictures=False)
    assert again.market.shifts == result.market.shifts
    assert again.market.chaos == result.market.chaos
    assert again.market.timing == result.market.timing
    assert again.summary.optimum == pytest.approx(result.summary.optimum)
    assert [one.time_s for one in again.shifts] == [one.time_s for one in result.shifts]
    planned = [fault.at_s for fault in again.market.chaos.faults]
    assert [row.at_s for row in again.summary.faults] == pytest.approx(planned)
    assert all(row.at_s >= at_s for row, at_s in zip(result.summary.faults, planned, strict=True))
    told = {one.node: one.kind for one in records_of(Path(again.summary.run_dir), "left", "supply", "valuation")}
    assert told == {"buyer-2/buyer-2": "left", "seller-1/seller-1": "supply", "buyer-3/buyer-3": "valuation"}
