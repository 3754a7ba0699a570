"""The machines of both markets, the states they can be in, and ways that lead there."""

from typing import Any

from node.protocol.dmp.messages import (
    Blocked,
    Commit,
    Contract,
    Decommit,
    Deregister,
    Deregistered,
    Invite,
    Noted,
    Register,
    Registered,
    Registry,
    Report,
    Request,
    SealedBid,
)
from node.protocol.machine import Left, Message, Opened, PeerOffline, Reconnected, Started
from node.protocol.psp.events import SupplyChanged, ValuationChanged
from node.protocol.psp.messages import Accept, Bid, Closed, Decline, Hold, Settled, Void, Withdraw, Withdrawn
from node.protocol.psp.seller import Seller
from node.strategy.psp.reserve import FixedReserve
from tests.protocol.dmp.bench import (
    MARKET,
    AgentBench,
    M,
    MarketBench,
    N,
    NetworkBench,
    TerminalBench,
    asking_agent,
    awarded_market,
    calling_terminal,
    carrying_agent,
    carrying_market,
    carrying_network,
    finished_agent,
    reported_agent,
    wanted,
)
from tests.protocol.dmp.bench import T as USER
from tests.protocol.psp import test_buyer, test_seller
from tests.protocol.psp.bench import (
    TIMING,
    A,
    Bench,
    BuyerBench,
    S,
    advert,
    award,
    awarding_seller,
    bidding_buyer,
    bound_buyer,
    cleared_seller,
    digest_of,
    profile,
)
from tests.protocol.transitions import Subject

# Sellers


def upcoming_seller() -> Bench:
    bench = Bench(Seller(100.0, FixedReserve(1.0), TIMING, opens_late=True))
    bench.step(Started())
    return bench


SELLER = Subject(
    "Seller",
    {
        "upcoming": "its user comes later than the market opens",
        "open": "takes bids",
        "awarding": "waits for what the winners say to its awards",
        "closed": "sells no more",
    },
    lambda bench: str(bench.machine._state),  # type: ignore[attr-defined]
    [
        upcoming_seller,
        test_seller.fresh,
        test_seller.bid_but_not_cleared,
        cleared_seller,
        awarding_seller,
        test_seller.reopened,
        test_seller.closed,
    ],
    [
        (A, Bid(0, 0, 50.0, 5.0, 2)),
        (A, Bid(0, 0, 60.0, 4.0, 1)),
        (A, Bid(0, 9, 60.0, 4.0, 3)),
        (A, Withdraw(0, 0, 2)),
        (A, Withdraw(0, 0, 1)),
        (A, Hold(0, 1, 1, undecided=False)),
        (A, Accept(0, 1, 1)),
        (A, Accept(0, 9, 1)),
        (A, Decline(0, 1, 1)),
    ],
    [Opened(), PeerOffline("a"), Reconnected(), SupplyChanged(150.0), Left()],
)


# Buyers


def auction_state(bench: Bench) -> str:  # noqa: PLR0911 - one for each state
    """What a buyer is to the seller S."""
    auction = bench.machine._auctions[S]  # type: ignore[attr-defined]
    if auction.is_exposed:
        return "deceived"
    if auction.bound:
        return "bound"
    if auction._is_lost:
        return "lost"
    if auction._is_over:
        return "over"
    match auction.pending:
        case Bid():
            return "waiting"
        case Withdraw():
            return "withdrawing"
    if auction.standing.quantity > 0.0:
        return "bidding"
    return "looking on" if auction._advert else "unknown"


def withdrawing() -> BuyerBench:
    bench = bidding_buyer([(0, 0), (20, 2)])
    bench.step(ValuationChanged(1.0))
    bench.thinks()
    return bench


def shown_twice() -> BuyerBench:
    bench = bidding_buyer()
    bench.is_shown(S, 2, 1, (30, 2))
    return bench


def vouched() -> BuyerBench:
    """The board names the book that it has seen."""
    bench = bidding_buyer()
    bench.hears(S, advert(0.0, 2, "awarding", round_=1, digest=SEEN))
    return bench


def lost() -> BuyerBench:
    bench = bidding_buyer()
    bench.step(PeerOffline("s"))
    return bench


def deceived() -> BuyerBench:
    bench = bidding_buyer()
    bench.hears(S, advert(0.0, 2, round_=1, digest=bytes(16)))
    return bench


SEEN = digest_of(profile(1, 1, (30, 2)))

BUYER = Subject(
    "Buyer",
    {
        "unknown": "has read no advert of it",
        "looking on": "has no bid there",
        "waiting": "no profile reflects its bid yet",
        "bidding": "its bid stands",
        "withdrawing": "its withdrawal is not confirmed yet",
        "bound": "has accepted an award and has no receipt",
        "over": "the auction is closed",
        "lost": "the seller does not answer, or its host is gone",
        "deceived": "the seller has told different books of one round",
    },
    auction_state,
    [
        test_buyer.unopened,
        test_buyer.opened,
        test_buyer.waiting,
        bidding_buyer,
        shown_twice,
        vouched,
        withdrawing,
        bound_buyer,
        test_buyer.settled,
        test_buyer.over,
        lost,
        deceived,
    ],
    [
        (S, advert(70.0, 9, round_=1, digest=SEEN)),
        (S, advert(70.0, 9, round_=1, digest=bytes(16))),
        (S, advert(0.0, 9, "closed", round_=1, digest=SEEN)),
        (S, advert(70.0, 0)),
        (S, profile(1, 1, (30, 2))),
        (S, profile(2, 1, (30, 2))),
        (S, Withdrawn(0, 1)),
        (S, Withdrawn(0, 2)),
        (S, award(30, 30)),
        (S, award(30, 90)),
        (S, award(30, 30, seq=0)),
        (S, Settled(0, 1, 30, 30)),
        (S, Void(0, 1)),
        (S, Closed(0)),
    ],
    [Opened(), PeerOffline("s"), Reconnected(), ValuationChanged(0.5), Left()],
    peer=S,
)


# Of the Digital Marketplace


def started(bench: Bench) -> Bench:
    bench.step(Started())
    return bench


def left(bench: Bench, *confirmed: Message) -> Bench:
    """The user leaves; what its provider says to that."""
    bench.step(Left())
    for message in confirmed:
        bench.hears(MARKET, message)
    return bench


MEMBER = {
    "out": "has not said that it takes part, or was put out",
    "joining": "`register` is not answered yet",
    "leaving": "`deregister` is not answered yet",
    "left": "waits for nothing more",
}


def terminal_state(bench: Bench) -> str:
    """What a terminal is to its provider, and while it takes part what becomes of its first call."""
    machine: Any = bench.machine
    if machine._member.state != "in":
        return str(machine._member.state)
    if machine._caller.is_asking(1):
        return "asking"
    if 1 in machine._carried:
        return "reported" if 1 in machine._caller._reported else "calling"
    return "over" if machine._caller.newest else "in"


def reported_terminal() -> Bench:
    bench = calling_terminal()
    bench.fires("end")
    return bench


def blocked_terminal() -> Bench:
    bench = TerminalBench().called()
    bench.hears(MARKET, Blocked(1))
    return bench


TERMINAL = Subject(
    "Terminal",
    {
        "out": MEMBER["out"],
        "joining": MEMBER["joining"],
        "in": "takes part, and has asked for nothing yet",
        "asking": "its call is not answered yet",
        "calling": "the call is carried",
        "reported": "the call has ended, and the report is not answered yet",
        "over": "the call is over; others may come",
        "leaving": MEMBER["leaving"],
        "left": MEMBER["left"],
    },
    terminal_state,
    [
        TerminalBench,
        lambda: started(TerminalBench()),
        lambda: TerminalBench().admitted(),
        lambda: TerminalBench().opened(),
        lambda: TerminalBench().called(),
        calling_terminal,
        reported_terminal,
        blocked_terminal,
        lambda: left(TerminalBench().opened()),
        lambda: left(TerminalBench().opened(), Deregistered(2)),
    ],
    [
        (MARKET, Registry(2, "upcoming", [], [], [])),
        (MARKET, Registry(2, "open", [], [], [])),
        (MARKET, Registered(1, 1)),
        (MARKET, Deregistered(1)),
        (MARKET, Deregistered(2)),
        (MARKET, Contract(1, N, wanted(), 3.0)),
        (MARKET, Blocked(1)),
        (MARKET, Decommit(1)),
        (MARKET, Noted(1, served=True)),
    ],
    [Reconnected(), Left()],
)


def agent_state(bench: Bench) -> str:
    """What a service agent is to the market agent, and while it takes part what becomes of its first call."""
    machine: Any = bench.machine
    if machine._member.state != "in":
        return str(machine._member.state)
    case = machine._cases.get(1)
    if case is None:
        return "in"
    if case.answer is None:
        return "asking"
    return "reported" if case.reported else "carrying"


def left_agent(*confirmed: Message) -> Bench:
    bench = AgentBench().admitted()
    for customer in (USER, "u/user"):
        bench.hears(customer, Deregister(2))
    for message in confirmed:
        bench.hears(MARKET, message)
    return bench


def awaiting_agent() -> Bench:
    """Only one of its two terminals has come."""
    bench = started(AgentBench())
    bench.hears(USER, Register(1, "terminal"))
    return bench


def joining_agent() -> Bench:
    bench = started(AgentBench())
    for customer in (USER, "u/user"):
        bench.hears(customer, Register(1, "terminal"))
    return bench


SERVICE_AGENT = Subject(
    "ServiceAgent",
    {
        "out": "waits for its terminals, or was put out",
        "joining": MEMBER["joining"],
        "in": "takes part; no call of its terminals is open",
        "asking": "has asked on, and the market agent has not answered yet",
        "carrying": "the call is carried",
        "reported": "the call has ended, and the report is not answered yet",
        "leaving": MEMBER["leaving"],
        "left": MEMBER["left"],
    },
    agent_state,
    [
        lambda: started(AgentBench()),
        awaiting_agent,
        joining_agent,
        lambda: AgentBench().admitted(),
        asking_agent,
        carrying_agent,
        reported_agent,
        finished_agent,
        left_agent,
        lambda: left_agent(Deregistered(2)),
    ],
    [
        (USER, Register(2, "terminal")),
        (USER, Register(0, "terminal")),
        (USER, Register(2, "network")),
        (USER, Deregister(3)),
        (USER, Request(1, 1, wanted(), 0.5, None)),
        (USER, Request(2, 1, wanted(), 0.5, 0.5)),
        (USER, Report(1, served=True)),
        (MARKET, Registry(2, "open", [], [], [])),
        (MARKET, Registry(2**32, "open", [], [], [])),
        (MARKET, Registered(1, 1)),
        (MARKET, Deregistered(1)),
        (MARKET, Deregistered(2)),
        (MARKET, Contract(1, N, wanted(kind="flow"), 3.0)),
        (MARKET, Blocked(1)),
        (MARKET, Decommit(1)),
        (MARKET, Noted(1, served=True)),
    ],
    [PeerOffline("t"), Reconnected()],
)


def market_state(bench: Bench) -> str:
    """What the market is, and while it is open what becomes of its auctions."""
    machine: Any = bench.machine
    if machine._state != "open":
        return str(machine._state)
    auction = machine._auctioneer._auction
    if auction:
        return "awarding" if auction.winner else "bidding"
    return "carrying" if machine._auctioneer._contracts.carries(N, 1) else "open"


def barred_market() -> Bench:
    """The barrier has fallen, and nobody has come."""
    bench = started(MarketBench())
    bench.step(Opened())
    return bench


def closed_market() -> Bench:
    bench = MarketBench().opened()
    bench.hears(USER, Deregister(2))
    return bench


def queued() -> Bench:
    bench = MarketBench().opened()
    bench.asks()
    return bench


MARKET_AGENT = Subject(
    "MarketAgent",
    {
        "upcoming": "waits for the barrier and for those who are awaited",
        "open": "no call is being auctioned or carried",
        "bidding": "the networks are asked for their bids",
        "awarding": "the winner has not answered yet",
        "carrying": "a network carries a call, and none is being auctioned",
        "closed": "all customers have left",
    },
    market_state,
    [
        lambda: started(MarketBench()),
        barred_market,
        lambda: MarketBench().opened(),
        queued,
        lambda: MarketBench().opened().called(),
        awarded_market,
        carrying_market,
        closed_market,
    ],
    [
        (N, Register(2, "network")),
        (N, Register(0, "network")),
        (USER, Register(3, "terminal")),
        (N, Deregister(2)),
        (N, Deregister(0)),
        (USER, Deregister(3)),
        (USER, Request(1, 1, wanted(), 0.5, None)),
        (USER, Request(2, 1, wanted(), 0.5, None)),
        (N, SealedBid(1, 3.0)),
        (M, SealedBid(1, 4.5)),
        (N, Commit(1)),
        (M, Commit(1)),
        (N, Decommit(1)),
        (USER, Report(1, served=True)),
        (USER, Report(1, served=False)),
    ],
    [Opened(), PeerOffline("n"), PeerOffline("t"), Reconnected()],
)


def network_state(bench: Bench) -> str:
    """What a network is to the market agent, and while it takes part what it has said last."""
    machine: Any = bench.machine
    if machine._member.state != "in":
        return str(machine._member.state)
    match machine._answer:
        case Commit():
            return "committed"
        case Decommit():
            return "decommitted"
    return "bidding" if machine._bid else "in"


def bidding_network() -> Bench:
    bench = NetworkBench().admitted()
    bench.invited(1)
    return bench


def decommitted_network() -> Bench:
    bench = NetworkBench(overcommitment=3.0).admitted()
    bench.invited(1, wanted(rate_kbps=1500.0))
    bench.contracted(1)
    return bench


NETWORK_AGENT = Subject(
    "NetworkAgent",
    {
        "out": MEMBER["out"],
        "joining": MEMBER["joining"],
        "in": "takes part, and was not asked for a bid yet",
        "bidding": "has answered an invitation",
        "committed": "carries the call that it won last",
        "decommitted": "has no capacity for the call that it won last",
        "leaving": MEMBER["leaving"],
        "left": MEMBER["left"],
    },
    network_state,
    [
        NetworkBench,
        lambda: started(NetworkBench()),
        lambda: NetworkBench().admitted(),
        bidding_network,
        carrying_network,
        decommitted_network,
        lambda: left(NetworkBench().admitted()),
        lambda: left(NetworkBench().admitted(), Deregistered(2)),
    ],
    [
        (MARKET, Registered(1, 1)),
        (MARKET, Deregistered(1)),
        (MARKET, Deregistered(2)),
        (MARKET, Registry(2, "open", [], [], [])),
        (MARKET, Invite(1, wanted(), 0.5, 0.25, 2, None)),
        (MARKET, Invite(2, wanted(), 0.5, 0.25, 2, None)),
        (MARKET, Contract(1, USER, wanted(), 5.0)),
        (MARKET, Contract(1, USER, wanted(), 4.0)),
        (MARKET, Contract(2, USER, wanted(), 5.0)),
    ],
    [Reconnected(), Left()],
)

SUBJECTS = [SELLER, BUYER, TERMINAL, SERVICE_AGENT, MARKET_AGENT, NETWORK_AGENT]
