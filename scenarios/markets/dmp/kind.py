"""The Digital Marketplace, as the program sees it."""

from types import UnionType

from node.protocol.dmp.journal import CallEntry
from node.protocol.dmp.messages import CallMessage, Registry
from node.protocol.dmp.trace import (
    CallRecord,
    MarketAgentRecord,
    NetworkRecord,
    ServiceAgentRecord,
    TerminalRecord,
)
from node.protocol.machine import Message
from scenarios.markets.dmp.audit import CallAudit
from scenarios.markets.dmp.live import LiveCalls
from scenarios.markets.dmp.market import CallMarket, described, draw_calls
from scenarios.markets.dmp.meanings import FIGURES, PICTURES
from scenarios.markets.dmp.nodes import call_machines
from scenarios.markets.dmp.results import summarise_calls
from scenarios.markets.dmp.schema import CallScenario
from scenarios.markets.dmp.seats import SEATS
from scenarios.markets.dmp.validity import check_call_scenario
from scenarios.markets.dmp.view import CallView
from scenarios.markets.kind import MarketKind


def _is_closed(post: Message) -> bool:
    return isinstance(post, Registry) and post.state == "closed"


def _tells(market: CallMarket) -> dict[str, UnionType]:
    return {
        market.agent: MarketAgentRecord,
        **{operator.name: NetworkRecord for operator in market.operators},
        **{agent.name: ServiceAgentRecord for agent in market.agents},
        **{terminal.name: TerminalRecord for terminal in market.terminals},
    }


MARKETPLACE = MarketKind(
    name="dmp",
    scenario=CallScenario,
    market=CallMarket,
    messages=CallMessage,
    records=CallRecord,
    entries=CallEntry,
    draw=draw_calls,
    describe=described,
    machines=call_machines,
    is_closed=_is_closed,
    metrics=LiveCalls,
    summarise=summarise_calls,
    check=check_call_scenario,
    audit=CallAudit,
    posts=(Registry,),
    tells=_tells,
    figures=FIGURES,
    pictures=PICTURES,
    view=CallView,
    seats=SEATS,
)
