"""What late, lost and doubled messages may not change: winners, capacity, and what customers are told."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from node.mechanism.dmp import WindowReputation
from node.mechanism.rounding import ROUNDING
from node.protocol.dmp.auctioneer import Rules
from node.protocol.dmp.market_agent import MarketAgent
from node.protocol.dmp.messages import (
    Blocked,
    CallMessage,
    Commit,
    Contract,
    Decommit,
    Invite,
    Register,
    Registered,
    Request,
    SealedBid,
)
from node.protocol.dmp.network_agent import NetworkAgent
from node.protocol.machine import Message, Opened, Started
from tests.protocol.dmp.bench import MARKET, TIMING, Asking, M, N, P, T, U, wanted
from tests.protocol.psp.bench import Bench, sent

NETWORKS, CUSTOMERS = (M, N, P), (T, U)


def price_of(network: str, auction: int) -> float | None:
    """Of each network in each auction, ties and silence among them."""
    return Random(f"{network} {auction}").choice([0.25, 0.5, 0.75, None])


class Market(Bench):
    """A market whose networks answer everything, at once and as often as they are asked."""

    def __init__(self, shuffle: Random) -> None:
        random = np.random.default_rng(3)
        customers = frozenset(CUSTOMERS)
        super().__init__(MarketAgent(frozenset(NETWORKS), customers, WindowReputation(3), Rules(0.6), TIMING, random))
        self.shuffle = shuffle
        self.told: list[tuple[str, Message]] = []
        self.step(Started())
        self.step(Opened())
        for who in (*NETWORKS, *CUSTOMERS):
            self.says(who, Register(1, "network" if who in NETWORKS else "terminal"))

    def says(self, who: str, message: CallMessage) -> None:
        """Once or more often; what the market answers is answered in any order."""
        for _ in range(self.shuffle.choice([1, 1, 2, 3])):
            self.hand_out(sent(self.hears(who, message)))

    def hand_out(self, messages: list[tuple[str, Message]]) -> None:
        self.shuffle.shuffle(messages)
        for to, message in messages:
            match message:
                case Invite(auction):
                    self.says(to, SealedBid(auction, price_of(to, auction)))
                case Contract(number) if to in NETWORKS:
                    is_full = Random(f"{number}").random() < 0.3
                    self.says(to, Decommit(number) if is_full else Commit(number))
                case Contract() | Decommit() | Blocked():
                    self.told.append((to, message))

    def passes(self) -> None:
        """All timers fire until none is left but the board's."""
        while any(name != "board" for name in self.timers):
            name = min((name for name in self.timers if name != "board"), key=self.timers.__getitem__)
            self.hand_out(sent(self.fires(name)))


requests = st.lists(
    st.tuples(st.sampled_from(CUSTOMERS), st.integers(0, 19), st.sampled_from([0.0, 0.25, 1.0]), st.booleans()),
    min_size=1,
    max_size=8,
)


def outcome(calls: list[tuple[str, int, float, bool]], random: Random | None) -> set[tuple[str, Message]]:
    """What customers are told; ``random`` disturbs the order and the number of all messages."""

    class Once(Random):
        def choice(self, seq: list[int]) -> int:  # type: ignore[override]
            return seq[0]

        def shuffle(self, x: list[object]) -> None:  # type: ignore[override]
            del x

    market = Market(random or Once())
    asked = []
    for k, (customer, at_s, price_weight, has_budget) in enumerate(calls, start=1):
        request = Request(k, 1, wanted(float(at_s)), price_weight, 0.6 if has_budget else None)
        asked.append((customer, request))
    market.now = 1.9  # within the time that the first call waits
    if random:
        random.shuffle(asked)
    for customer, request in asked:
        market.says(customer, request)
    market.passes()
    return set(market.told)


@settings(max_examples=60)
@given(requests, st.randoms(use_true_random=False))
def test_customers_are_told_the_same_in_whatever_order_and_however_often_all_is_said(
    calls: list[tuple[str, int, float, bool]], random: Random
) -> None:
    assert outcome(calls, random) == outcome(calls, None)


@settings(max_examples=60)
@given(requests, st.randoms(use_true_random=False))
def test_every_call_has_one_answer(calls: list[tuple[str, int, float, bool]], random: Random) -> None:
    told = outcome(calls, random)
    answered = [(who, message.call if isinstance(message, Blocked) else message.number) for who, message in told]  # type: ignore[union-attr]
    assert sorted(answered) == sorted((customer, k) for k, (customer, *_) in enumerate(calls, start=1))


words = st.lists(
    st.one_of(
        st.builds(
            Invite,
            st.integers(1, 12),
            st.builds(wanted, st.integers(0, 300).map(float), st.just(100.0), st.sampled_from([200.0, 500.0, 900.0])),
            st.just(0.5),
            st.just(0.0),
            st.just(2),
            st.none(),
        ),
        st.integers(0, 20),
        st.builds(Registered, st.just(1), st.integers(1, 2)),
    ),
    max_size=40,
)


@given(words, st.sampled_from([1.0, 3.0]))
def test_network_never_carries_more_than_it_can_whatever_it_is_told(
    told: list[Invite | Registered | int], overcommitment: float
) -> None:
    """Numbers stand for a contract for one of the invitations so far."""
    costs = iter(float, 1.0)
    bench = Bench(NetworkAgent(MARKET, 1000.0, Asking(5.0), costs, TIMING, overcommitment))
    bench.step(Started())
    bench.hears(MARKET, Registered(1, 1))
    invites: list[Invite] = []
    for word in told:
        if isinstance(word, int):
            if invites:
                invite = invites[word % len(invites)]
                bench.hears(MARKET, Contract(invite.auction, T, invite.wanted, 5.0))
        else:
            bench.hears(MARKET, word)
            invites += [word] if isinstance(word, Invite) else []
        assert bench.machine.carried_kbps <= 1000.0 * (1.0 + ROUNDING)  # type: ignore[attr-defined]
