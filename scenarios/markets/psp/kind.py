"""The exchange, as the program sees it."""

from types import UnionType

from node.protocol.machine import Message
from node.protocol.psp.journal import ExchangeEntry
from node.protocol.psp.messages import Advert, ExchangeMessage
from node.protocol.psp.trace import BuyerRecord, ExchangeRecord, SellerRecord, ValuationRevised
from scenarios.markets.kind import MarketKind, OwnWorld
from scenarios.markets.psp.advice import advise
from scenarios.markets.psp.array import arrayed_result, check_arrayable, run_arrayed
from scenarios.markets.psp.audit import ExchangeAudit
from scenarios.markets.psp.direct import check_direct, direct_result, run_direct
from scenarios.markets.psp.live import LiveMetrics
from scenarios.markets.psp.market import Market, described, draw
from scenarios.markets.psp.meanings import FIGURES, PICTURES
from scenarios.markets.psp.mechanisms import check_wired
from scenarios.markets.psp.nodes import exchange_machines
from scenarios.markets.psp.results import summarise
from scenarios.markets.psp.schema import Scenario
from scenarios.markets.psp.seats import SEATS
from scenarios.markets.psp.steering import STEERING
from scenarios.markets.psp.validity import check_scenario
from scenarios.markets.psp.view import ExchangeView


def _is_closed(post: Message) -> bool:
    return isinstance(post, Advert) and post.state == "closed"


def _tells(market: Market) -> dict[str, UnionType]:
    """No shift is planned for devices, so none of them has its valuation revised."""
    sellers = {seller.name: SellerRecord for seller in market.sellers}
    buyers = {one.name: BuyerRecord if one.device else BuyerRecord | ValuationRevised for one in market.buyers}
    return sellers | buyers


EXCHANGE = MarketKind(
    name="psp",
    scenario=Scenario,
    market=Market,
    messages=ExchangeMessage,
    records=ExchangeRecord,
    entries=ExchangeEntry,
    draw=draw,
    describe=described,
    machines=exchange_machines,
    is_closed=_is_closed,
    metrics=LiveMetrics,
    summarise=summarise,
    check=check_scenario,
    audit=ExchangeAudit,
    advise=advise,
    posts=(Advert,),
    tells=_tells,
    check_wired=check_wired,
    worlds={
        "array": OwnWorld(check_arrayable, run_arrayed, arrayed_result),
        "direct": OwnWorld(check_direct, run_direct, direct_result),
    },
    figures=FIGURES,
    pictures=PICTURES,
    view=ExchangeView,
    steering=STEERING,
    seats=SEATS,
)
