"""Golden transcripts: every message of a flow with one seed, to be read and to be kept.

BIDSWARM_WRITE_TRANSCRIPTS=1 writes them anew; read the difference before it is committed.
"""

import re
from pathlib import Path

from node.protocol.dmp.messages import CallSpec
from node.protocol.dmp.terminal import PlannedCall
from node.protocol.dmp.timing import CallTiming
from tests.simulation.call_world import CallWorld, Operator, Users
from tests.simulation.scribe import TRANSCRIPTS, Scribe, goes_as_written_down
from tests.simulation.world import World, world

CHEAP, DEAR = 0.3, 0.5
TIMING = CallTiming(bid_window_s=0.5, retry_s=4.0, gather_s=0.5, speed=20.0)
"""Nothing is lost here, so that hardly anything has to be said again. Market seconds are twenty times as fast."""


class MarketScribe(Scribe, World):
    pass


class CallScribe(Scribe, CallWorld):
    """Networks n0, n1, … that bid their cost, and a terminal t0 with these calls."""

    def __init__(self, *calls: PlannedCall, costs: tuple[float, ...] = (DEAR, CHEAP), **options: object) -> None:
        self.calls = list(calls)
        settings: dict[str, object] = {"users": Users(direct=1, brokered=0), "timing": TIMING, **options}
        overcommitment = settings.pop("overcommitment", 1.0)
        networks = [Operator(300.0, cost, cost, overcommitment) for cost in costs]  # type: ignore[arg-type]
        super().__init__(1, operators=networks, **settings)

    def plan_of(self, name: str) -> list[PlannedCall]:
        assert name == "t0"
        return self.calls


def call(at_s: float, rate_kbps: float = 200.0, budget: float | None = None, holding_s: float = 60.0) -> PlannedCall:
    """A call of a user that looks at the price alone."""
    return PlannedCall(CallSpec(at_s, "web", "session", rate_kbps, holding_s), 1.0, budget)


def outcomes(scribe: CallScribe) -> list[str]:
    """How the calls ended for the user, by number."""
    found = scribe.outcomes_at_terminals()
    return [found[key] for key in sorted(found)]


def test_the_papers_example() -> None:
    scribe = MarketScribe(world("two-sellers", 1).market)
    assert scribe.settles()
    assert goes_as_written_down(scribe, "two-sellers")


def test_a_call_served() -> None:
    scribe = CallScribe(call(10.0))
    assert scribe.settles()
    assert outcomes(scribe) == ["served"]
    assert goes_as_written_down(scribe, "call-served")


def test_calls_blocked() -> None:
    """No network has the capacity for the first, and none is as cheap as the second wants it."""
    scribe = CallScribe(call(10.0, rate_kbps=301.0), call(20.0, budget=0.5 * CHEAP))
    assert scribe.settles()
    assert outcomes(scribe) == ["blocked", "blocked"]
    assert goes_as_written_down(scribe, "call-blocked")


def test_a_call_decommitted() -> None:
    """The network bids for twice what it has, and cannot carry the second call beside the first."""
    scribe = CallScribe(call(10.0), call(30.0), costs=(CHEAP,), overcommitment=2.0)
    assert scribe.settles()
    assert outcomes(scribe) == ["served", "decommitted"]
    assert goes_as_written_down(scribe, "call-decommitted")


def test_a_call_through_a_service_agent() -> None:
    scribe = CallScribe(call(10.0), users=Users(direct=0, brokered=1))
    assert scribe.settles()
    assert outcomes(scribe) == ["served"]
    assert goes_as_written_down(scribe, "call-brokered")


def test_a_network_that_leaves_and_comes_back() -> None:
    """The cheaper network carries the calls whenever it takes part."""
    scribe = CallScribe(call(10.0), call(110.0), call(210.0), journalled=True)
    opened_at = scribe.open_market()
    scribe.run(opened_at + 4.5, 10_000)
    scribe.say("n1 leaves")
    scribe.hosts["n1"].leave(scribe.now)
    scribe.collect(scribe.hosts["n1"])
    scribe.run(opened_at + 9.5, 10_000)
    scribe.say("n1 joins again")
    scribe.faults.restart(scribe.operator_host("n1"))
    assert scribe.goes_on()
    assert [winner.partition("/")[0] for _, winner in sorted(scribe.winners().items())] == ["n1", "n0", "n1"]
    assert goes_as_written_down(scribe, "network-leaves-and-joins")


def test_a_market_agent_restarted_from_its_journal() -> None:
    """It was killed while it knew of a call that goes on."""
    scribe = CallScribe(call(10.0, holding_s=100.0), journalled=True)
    opened_at = scribe.open_market()
    scribe.run(opened_at + 2.5, 10_000)
    scribe.say("the market agent is killed")
    scribe.faults.crash("ma")
    scribe.run(opened_at + 3.5, 10_000)
    scribe.say("the market agent is started anew")
    scribe.faults.restart(scribe.fresh("ma"))
    assert scribe.goes_on()
    assert outcomes(scribe) == ["served"]
    scribe.check_ledger()
    assert goes_as_written_down(scribe, "market-agent-restarted")


def test_documentation_lists_every_transcript_of_the_marketplace() -> None:
    page = (Path(__file__).parents[2] / "docs" / "dmp.md").read_text(encoding="utf-8")
    there = {path.name for path in TRANSCRIPTS.glob("*.txt")} - {"two-sellers.txt"}
    assert set(re.findall(r"^\| `([\w-]+\.txt)` \|", page, re.MULTILINE)) == there
