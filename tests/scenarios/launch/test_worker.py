"""What a worker makes of what its launcher says while it works; the broker is left out."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from node.protocol.journal import JournalEntry, LifeBegun, MarketOpened
from node.protocol.machine import Event, Left
from node.protocol.psp.events import MindChanged, SupplyChanged
from node.runtime.faults.plan import Edge
from node.strategy.psp.offer import Target
from scenarios.launch.placement import build_hosts, spread
from scenarios.launch.worker import News, _Carried, _lines, _note_opening, edges_of
from scenarios.markets.load import load
from scenarios.markets.registry import draw_market, journal_of
from scenarios.markets.seats import Move
from scenarios.results import folder as rundir

PLAIN = "timeout_s=30"
CUT = 'chaos={faults=[{kind="partition", at_s=1.0, for_s=2.0, nodes=["A"]}]}'
SHIFTS = 'shifts=[{kind="leave", at_s=1.0, nodes=["A"]}, {kind="supply", at_s=1.001, nodes=["1"], factor=2.0}]'


@pytest.mark.parametrize(
    "parts", [[b"orders\nnews\nmore\n"], [b"ord", b"ers\nne", b"ws\nmore\n"], [b"orders\nnews\nmore\nha"]]
)
def test_lines_are_whole_however_they_come(parts: list[bytes]) -> None:
    reads, writes = os.pipe()
    for part in parts:
        os.write(writes, part)
    os.close(writes)
    assert list(_lines(reads)) == [b"orders", b"news", b"more"]
    os.close(reads)


def test_who_has_a_shift_and_did_not_note_the_opening_knows_of_it_after_a_restart(tmp_path: Path) -> None:
    market = draw_market(load("two-sellers", [SHIFTS]), 1)
    hosts = build_hosts(market, spread(market, 1), {"host-1"})
    journal = journal_of(market, tmp_path / "journal.sqlite")
    journal.append([JournalEntry(9.0, "host-1/A", LifeBegun()), JournalEntry(9.0, "host-1/B", LifeBegun())])
    journal.append([JournalEntry(10.25, "host-1/1", MarketOpened())])
    _note_opening(journal, hosts, 10.0)
    past = journal.past()
    journal.close()
    assert {node: restored.opened_at for node, restored in past.items()} == {
        "host-1/A": 10.0,
        "host-1/B": None,
        "host-1/1": 10.25,
    }


class Driver:
    """Drives no host; notes what it is told."""

    def __init__(self) -> None:
        self.is_open = False
        self.told: list[tuple[str, Event]] = []
        self.edges: list[Edge] = []

    def tell(self, node: str, event: Event) -> None:
        self.told.append((node, event))

    def feel(self, edge: Edge) -> None:
        self.edges.append(edge)


class Company:
    """A worker that carries all three hosts, ``now`` seconds after the start of the run."""

    def __init__(self, folder: Path, before: str, after: str) -> None:
        market = draw_market(load("two-sellers", [before]), 1)
        placement = spread(market, 3)
        hosts = build_hosts(market, placement, {*placement.values()})
        self.now = 10.0
        self.drivers = {host.name: Driver() for host in hosts}
        self.edges = edges_of(market, placement, hosts, 10.0)
        drivers: Any = list(self.drivers.values())
        clock: Any = lambda: self.now  # noqa: E731 - a clock
        self.carried = _Carried(folder, market, placement, hosts, drivers, self.edges, clock)
        rundir.write_json(folder / "market.json", draw_market(load("two-sellers", [after]), 1))

    async def turns(self) -> None:
        """Let all have done what they do at this time."""
        for _ in range(5):
            await asyncio.sleep(0.005)

    async def hears(self, *said: News) -> asyncio.Task[None]:
        news = asyncio.Queue[News]()
        for one in said:
            news.put_nowait(one)
        heeding = asyncio.create_task(self.carried.heed(news))
        await self.turns()
        return heeding


def test_a_shift_comes_when_it_is_due_to_a_host_that_is_open(tmp_path: Path) -> None:
    async def played() -> None:
        company = Company(tmp_path, PLAIN, SHIFTS)
        one, other = company.drivers["host-3"], company.drivers["host-1"]
        company.now = 10.999
        heeding = await company.hears(News(1.001, 10.0, "1"), News(1.0, 10.0, "A"))
        other.is_open = True
        company.now = 11.0
        await company.turns()
        assert (one.told, other.told) == ([], [])
        one.is_open = True
        await company.turns()
        assert (one.told, other.told) == ([("A", Left())], [])
        company.now = 11.001
        await company.turns()
        assert (one.told, other.told) == ([("A", Left())], [("1", SupplyChanged(130.0))])
        heeding.cancel()

    asyncio.run(played())


def feels(edge: Edge, to: str) -> list[int]:
    """How many copies of a frame to that host leave before, at the beginning of, at the end of, and after the cut."""
    return [len(edge.departures(to, at)) for at in (10.9, 11.0, 12.999, 13.0)]


@pytest.mark.parametrize("before", [PLAIN, "chaos={duplication=1.0}"])
def test_a_cut_is_felt_by_all_hosts_whether_chaos_was_planned_or_not(tmp_path: Path, before: str) -> None:
    async def played() -> None:
        company = Company(tmp_path, before, CUT)
        planned = dict(company.edges)
        heeding = await company.hears(News(1.0, 10.0))
        copies = 2 if planned else 1
        edges = planned or {name: driver.edges[0] for name, driver in company.drivers.items()}
        assert feels(edges["host-3"], "host-1") == feels(edges["host-3"], "host-2") == [copies, 0, 0, copies]
        for one, other in (("host-1", "host-2"), ("host-2", "host-1")):
            assert feels(edges[one], "host-3") == [copies, 0, 0, copies]
            assert feels(edges[one], other) == [copies] * 4
        assert [len(driver.edges) for driver in company.drivers.values()] == [0 if planned else 1] * 3
        heeding.cancel()

    asyncio.run(played())


def test_cuts_add_up(tmp_path: Path) -> None:
    async def played() -> None:
        company = Company(tmp_path, PLAIN, CUT)
        news = asyncio.Queue[News]()
        heeding = asyncio.create_task(company.carried.heed(news))
        news.put_nowait(News(1.0, 10.0))
        await company.turns()
        both = CUT.replace("}]}", '}, {kind="partition", at_s=5.0, for_s=1.0, nodes=["2"]}]}')
        rundir.write_json(tmp_path / "market.json", draw_market(load("two-sellers", [both]), 1))
        news.put_nowait(News(5.0, 10.0))
        await company.turns()
        (edge,) = company.drivers["host-1"].edges
        assert [edge.heals_at("host-3", 11.0), edge.heals_at("host-2", 11.0)] == [13.0, 11.0]
        assert [edge.heals_at("host-3", 15.5), edge.heals_at("host-2", 15.5)] == [15.5, 16.0]
        heeding.cancel()

    asyncio.run(played())


def test_what_a_person_wants_is_told_to_its_node(tmp_path: Path) -> None:
    company = Company(tmp_path, PLAIN, PLAIN)
    placement = company.carried._placement
    company.carried._move(Move("A", {"at": {"1": [5.0, 1.5]}}))
    wanted = MindChanged({f"{placement['1']}/1": Target(5.0, 1.5)}, stand=True)
    assert {host: driver.told for host, driver in company.drivers.items() if driver.told} == {
        placement["A"]: [("A", wanted)]
    }
