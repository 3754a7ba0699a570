"""Observations hold nothing that the wire does not show that node: each is made again from its frames alone."""

from collections import defaultdict
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest

from bidswarm.psp import Buyers, ParabolicValuation, Sellers
from node.protocol.host import Host
from node.protocol.psp.messages import Advert, Bid, ExchangeMessage, Profile, Withdraw
from node.protocol.wire.frames import Codec, decode_frame
from node.runtime.sim.simulation import Simulation
from node.strategy.psp.policy import LEVELS, OWN_SIZE, SLOT_SIZE, Sight
from scenarios.learning.env import BuyerEnv, MarketEnv
from scenarios.markets.psp.market import BuyerSpec, draw, theta
from tests.oracles import psp as oracle
from tests.scenarios.learning.markets import random_actions, scenario

CODEC = Codec(ExchangeMessage)


class Wire:
    """The last of each kind that came to, or left, the host of one node."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.adverts: dict[str, Advert] = {}
        self.profiles: dict[str, Profile] = {}
        self.bids: defaultdict[str, Bid | Withdraw | None] = defaultdict(lambda: None)

    def came(self, sender: str, frame: bytes, life: bytes) -> None:
        for envelope in decode_frame(frame, life):
            message = CODEC.message(envelope.message)
            if isinstance(message, Profile):
                self.profiles[sender] = message

    def left(self, to: str, frame: bytes, life: bytes) -> None:
        for envelope in decode_frame(frame, life):
            message = CODEC.message(envelope.message)
            if isinstance(message, Bid | Withdraw):
                self.bids[to] = message

    def posted(self, poster: str, post: bytes) -> None:
        message = CODEC.post(post)[1]
        assert isinstance(message, Advert)
        self.adverts[poster] = message


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> dict[str, Wire]:
    """What a tap at the hosts of two buyers has heard."""
    heard = {name: Wire(name) for name in ("b-1", "b-4")}
    deliver, post, send = Simulation.deliver, Simulation.deliver_post, Simulation.send

    def tap_frame(self: Simulation, receiver: Host, sender: str, frame: bytes) -> None:
        if receiver.name in heard:
            heard[receiver.name].came(sender, frame, self.lives[receiver.name])
        deliver(self, receiver, sender, frame)

    def tap_post(self: Simulation, reader: Host, poster: str, data: bytes) -> None:
        if reader.name in heard:
            heard[reader.name].posted(poster.partition("/")[0], data)
        post(self, reader, poster, data)

    def tap_sent(self: Simulation, sender: Host, to: str, frame: bytes) -> None:
        if sender.name in heard:
            heard[sender.name].left(to, frame, self.lives[to])
        send(self, sender, to, frame)

    monkeypatch.setattr(Simulation, "deliver", tap_frame)
    monkeypatch.setattr(Simulation, "deliver_post", tap_post)
    monkeypatch.setattr(Simulation, "send", tap_sent)
    return heard


def slot(wire: Wire, seller: str, demand: float, price: float) -> list[float]:
    """What the wire shows of one seller, in shares."""
    advert, bid = wire.adverts[seller], wire.bids[seller]
    supply, reserve, opponents, own = advert.left, advert.reserve, oracle.Book(), [0.0, 0.0, 0.0, 0.0]
    if isinstance(bid, Bid):
        profile = wire.profiles[seller]
        assert profile.your_seq == bid.seq  # a step is long enough for an answer
        supply, reserve = profile.supply, profile.reserve
        book = oracle.book_of(profile.quantities, profile.prices)
        opponents = book[: profile.your_row] + book[profile.your_row + 1 :]
        own = [bid.quantity / demand, bid.price / price, profile.allocation / demand, profile.charge / demand / price]
    lot = Fraction(supply), Fraction(reserve)
    available = [
        min(oracle.residual_supply(Fraction(price * k / LEVELS), opponents, *lot), Fraction(demand))
        for k in range(1, LEVELS + 1)
    ]
    cost = [oracle.cost(amount, oracle.steps_of(opponents, *lot)) for amount in available]
    row = [1.0, supply / demand, reserve / price, *own]
    return [*row, *(float(mb) / demand for mb in available), *(float(money) / demand / price for money in cost)]


def expected(wire: Wire, buyer: BuyerSpec) -> np.ndarray:
    """The observation, from what the node knows by itself and what the wire has shown it."""
    valuation = theta(buyer)
    demand, price = valuation.demand_mb, valuation.marginal(0.0)
    own = [1.0, 1.0, *(1.0 - k / LEVELS for k in range(1, LEVELS + 1))]
    slots = [number for seller in buyer.pool for number in slot(wire, seller, demand, price)]
    return np.minimum([*own, *slots], 1.0)


def test_every_observation_can_be_made_from_the_frames_of_that_node(wires: dict[str, Wire]) -> None:
    env: Any = MarketEnv(scenario(), world="sim", learners=[*wires], steps=12)
    buyers = {buyer.name: buyer for buyer in draw(scenario(), 2).buyers}
    random, (seen, _) = np.random.default_rng(2), env.reset(seed=2)
    compared = 0
    while env.agents:
        for name, wire in wires.items():
            assert seen[name] == pytest.approx(expected(wire, buyers[name]), abs=1e-9)
            compared += seen[name][OWN_SIZE::SLOT_SIZE].sum() > 0.0
        actions = random_actions(env, random)
        for name in actions:
            actions[name][:, 0] *= random.choice([0.0, 0.5], env.slots)  # now and then nothing: the advert counts
        seen = env.step(actions)[0]
    assert compared == 24
    assert all(wire.profiles for wire in wires.values())


def test_sellers_get_slots_in_the_order_in_which_they_were_first_seen() -> None:
    """As docs/learning.md says: the pool's, but for those who join late."""
    shares = {"late": 0.11, "early": 0.22, "other": 0.33}
    sellers = [Sellers(name=name, supply_mb=100.0 * share) for name, share in shares.items()]
    sellers[0] = msgspec.structs.replace(sellers[0], joins_at_s=0.5)
    valuation = ParabolicValuation(demand_mb=100.0, choke_price_per_mb=10.0)
    env = BuyerEnv(scenario(sellers=sellers, buyers=[Buyers(name="b", valuation=valuation)]), "b", world="sim", steps=6)
    seen = [env.reset(seed=0)[0], *(env.step(np.zeros((3, 2)))[0] for _ in range(4))]
    assert [Sight.of(row).slot[:, 1].round(9).tolist() for row in (seen[0], seen[-1])] == [
        [0.22, 0.33, 0.0],
        [0.22, 0.33, 0.11],
    ]
