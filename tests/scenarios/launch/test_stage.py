"""What a launcher does with orders from its page; the broker and the workers are left out."""

import asyncio
import io
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from broker import BrokerAddress, RunningBroker
from node.protocol.wire.presence import ONLINE, encode_presence
from node.runtime.faults.plan import Plan
from node.runtime.mqtt.endpoint import Endpoint
from scenarios.launch.observer import Observer
from scenarios.launch.options import OVER, Job, Onlookers, RunOptions
from scenarios.launch.parts import placement_for
from scenarios.launch.placement import own_host_names
from scenarios.launch.stage import LEAD_S, LEAD_S_PER_NODE, Stage
from scenarios.launch.steered import Steered
from scenarios.launch.worker import News
from scenarios.launch.workers import Workers
from scenarios.live.desk import Desk
from scenarios.markets.base import Market
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market, kind_of
from scenarios.markets.steering import Order
from scenarios.results import folder as rundir
from scenarios.words import counted
from tests.scenarios.launch.test_observer import Hand

WORKERS = 3
LEAVES = Order("leave", "A")


class Page(Desk):
    """A page that is its desk alone."""

    def __init__(self) -> None:
        super().__init__(())
        self.markets: list[Market] = []
        self.take_order = self.take

    def take_move(self) -> None:
        """Nobody acts for a user."""

    def revise(self, market: Market) -> None:
        self.markets.append(market)


class Play:
    """A run of the paper's example that has been open for 0.5 s, on three workers that only listen."""

    def __init__(self, tmp_path: Path, *settings: str, **options: Any) -> None:
        scenario = load("two-sellers", settings)
        market, run = draw_market(scenario, 1), RunOptions(**options)
        (tmp_path / "events").mkdir()
        rundir.write_json(tmp_path / "manifest.json", {})
        metrics, placement = kind_of(market).metrics(market), placement_for(market, run, WORKERS)
        job = Job(market, metrics, None, tmp_path, 30.0, WORKERS, run, Onlookers(), "embedded", None, placement)
        self.observer = Observer(job, "m", Endpoint("127.0.0.1", 1), 0.0)
        self.observer.clock = self.clock = Hand()  # type: ignore[assignment]
        self.workers = Workers([], tmp_path)
        self.pipes = [io.BytesIO() for _ in range(WORKERS)]
        self.workers._processes = {k: SimpleNamespace(stdin=pipe) for k, pipe in enumerate(self.pipes)}  # type: ignore[misc]
        self.broker = RunningBroker("embedded", "", BrokerAddress("127.0.0.1", 1))
        self.broken: list[Plan] = []
        self.page, self.steered = Page(), Steered(scenario, market, tmp_path)
        hosts = own_host_names(market, placement)
        carried = {k: hosts[k::WORKERS] for k in range(WORKERS)}
        self.stage = Stage(job, self.steered, self.observer, self.workers, carried, self.broker, self._break)
        self.opens_at(10.0, hosts)
        self.clock.now = 10.5

    def opens_at(self, opened_at: float, hosts: list[str]) -> None:
        self.observer.opened_at = opened_at
        for host in hosts:
            self.observer.take(f"bidswarm/v1/m/presence/{host}", encode_presence(ONLINE, bytes(8)))

    async def _break(self, plan: Plan) -> None:
        self.broken.append(plan)

    def orders(self, *orders: Order) -> list[tuple[str, bool]]:
        """What became of them."""
        asyncio.run(self._ordered(orders))
        self.observer.close()
        return [(one.text, one.is_refused) for one in self.page.said]

    async def _ordered(self, orders: tuple[Order, ...]) -> None:
        for order in orders:
            self.page.ask(order)
        async with asyncio.TaskGroup() as tasks:
            obeying = tasks.create_task(self.stage.obey(self.page))  # type: ignore[arg-type]
            while len(self.page.said) < len(orders):  # noqa: ASYNC110 - soon over
                await asyncio.sleep(0.0)
            await asyncio.sleep(0.0)
            obeying.cancel()

    def heard(self) -> list[list[News]]:
        """What each worker was told."""
        return [[msgspec.json.decode(line, type=News) for line in pipe.getvalue().splitlines()] for pipe in self.pipes]


def test_the_worker_of_the_user_is_told_and_the_folder_has_it_by_then(tmp_path: Path) -> None:
    play = Play(tmp_path)
    due_s = 0.601
    assert due_s == pytest.approx(0.5 + LEAD_S + 7 * LEAD_S_PER_NODE, abs=0.001)
    assert play.orders(LEAVES, Order("supply", "2", 2.0)) == [
        ("0.601 s: A: leaves", False),
        ("0.602 s: 2: supply changes, 2 times what it had at first", False),
    ]
    host = {node: int(play.stage.placement[node][-1]) - 1 for node in ("A", "2")}
    told = play.heard()
    assert told[host["A"]] == [News(due_s, 10.0, "A")]
    assert told[host["2"]] == [News(0.602, 10.0, "2")]
    assert Counter(map(len, told)) == {1: 2, 0: 1}
    assert msgspec.json.decode((tmp_path / "market.json").read_bytes(), type=type(play.steered.market)).shifts == [
        *play.steered.market.shifts
    ]
    assert [len(market.shifts) for market in play.page.markets] == [1, 2]  # type: ignore[attr-defined]


def test_a_cut_is_told_to_all_workers_and_a_kill_to_none(tmp_path: Path) -> None:
    play = Play(tmp_path)
    users = Counter(play.stage.placement.values())
    a, b = (users[play.stage.placement[node]] - 1 for node in ("A", "B"))
    assert play.orders(Order("cut-off", "A", 2.0), Order("kill", "B", 2.0)) == [
        (f"0.601 s: A: its host is cut off with {counted(a, 'other user')} for 2 s", False),
        (f"0.602 s: B: its host is killed with {counted(b, 'other user')} and starts again after 2 s", False),
    ]
    assert play.heard() == [[News(0.601, 10.0)]] * WORKERS
    assert [(one.kind, one.at_s, one.until_s) for plan in play.broken for one in plan.faults] == [
        ("partition", 0.601, 2.601),
        ("crash", 0.602, 2.602),
    ]


def test_the_run_then_waits_for_what_is_said_again(tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.observer._closed = set(play.observer._closers)
    assert play.observer._is_settled(lambda: True)
    play.orders(Order("cut-off", "A", 2.0))
    assert not play.observer._is_settled(lambda: True)


def dead(play: Play) -> None:
    play.workers.away[int(play.stage.placement["A"][-1]) - 1] = True


def lost(play: Play) -> None:
    play.observer.lose([play.stage.placement["A"]], for_good=False)


def down(play: Play) -> None:
    play.broker.is_down = True


@pytest.mark.parametrize("trouble", [dead, lost, down])
@pytest.mark.parametrize("order", [LEAVES, Order("cut-off", "A", 2.0), Order("kill", "A", 2.0)])
def test_nothing_happens_to_who_is_away(tmp_path: Path, trouble: Any, order: Order) -> None:
    play = Play(tmp_path)
    trouble(play)
    host = play.stage.placement["A"]
    assert play.orders(order) == [(f"{host} is down, or has no broker: nothing happens to it before it is back", True)]
    assert (play.heard(), play.broken) == ([[]] * WORKERS, [])


@pytest.mark.parametrize(
    ("opened_at", "ended_at", "now", "why"),
    [
        (None, None, 10.5, "the market is not open yet: nothing can happen in it before"),
        (10.0, 10.4, 10.5, OVER),
        (10.0, None, 39.95, OVER),
    ],
)
def test_a_market_that_is_not_open_has_nothing_happen(
    tmp_path: Path, opened_at: float | None, ended_at: float | None, now: float, why: str
) -> None:
    play = Play(tmp_path)
    play.observer.opened_at, play.observer.ended_at, play.clock.now = opened_at, ended_at, now
    assert play.orders(LEAVES) == [(why, True)]
    assert play.heard() == [[]] * WORKERS


@pytest.mark.parametrize(
    ("settings", "options"), [([], {"parts": 3, "market_name": "m"}), (["buyers.0.device=phone"], {"market_name": "m"})]
)
def test_users_whom_others_carry_cannot_be_reached(tmp_path: Path, settings: list[str], options: Any) -> None:
    play = Play(tmp_path, *settings, **options)
    said = play.orders(LEAVES, Order("kill", "A", 1.0))
    assert [is_refused for _, is_refused in said] == [True, True]
    assert {text.partition(":")[0] for text, _ in said} == {
        "bidswarm run reaches those users alone whom its own workers carry"
    }


def test_what_happens_beside_devices_cannot_be_planned(tmp_path: Path) -> None:
    play = Play(tmp_path, "buyers.0.device=phone", market_name="m")
    ((text, is_refused),) = play.orders(Order("leave", "B"))
    assert is_refused
    assert "what happens to devices cannot be planned" in text


def test_nobody_is_cut_off_from_those_on_the_same_host(tmp_path: Path) -> None:
    play = Play(tmp_path)
    everybody = [Order("cut-off", "A", 2.0)]
    play.stage._job.placement.update(dict.fromkeys(play.stage.placement, "host-1"))  # type: ignore[attr-defined]
    ((text, is_refused),) = play.orders(*everybody)
    assert is_refused
    assert "nothing can cut them off: add --connections per-node" in text


def test_a_host_is_not_killed_while_another_of_its_process_is_to_be(tmp_path: Path) -> None:
    planned = '{kind="crash", at_s=1.0, for_s=0.5, nodes=["A"]}'
    play = Play(tmp_path, f"chaos.faults=[{planned}]", connections="per-node")
    same = next(name for name in "BCDE" if name in play.stage.process_of("A"))
    other = next(name for name in "BCDE" if name not in play.stage.process_of("A"))
    assert play.orders(Order("kill", same, 0.8), Order("kill", other, 0.8)) == [
        (f"{same} is killed again before it would be back: give it less", True),
        (f"0.602 s: {other}: its host is killed with 2 other users and starts again after 0.8 s", False),
    ]
