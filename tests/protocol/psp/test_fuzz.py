"""No frame, however spoilt, stops a host; one that is not valid changes nothing but a counter."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from node.mechanism.valuation import Parabolic
from node.protocol.host import Host
from node.protocol.machine import Message, Received, TimerFired
from node.protocol.numbers import NO_DIGEST
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.digest import digest, packed
from node.protocol.psp.messages import Accept, Award, Bid, Closed, Hold, Profile
from node.protocol.psp.seller import Seller
from node.strategy.psp.adaptive import AdaptiveBestReply
from node.strategy.psp.best_reply import BestReply
from node.strategy.psp.offer import BuyerStrategy
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import HighestLosingReserve
from tests.protocol.codecs import BOTH
from tests.protocol.judge import verdicts
from tests.protocol.lives import lives
from tests.protocol.mutations import mutated
from tests.protocol.psp.bench import TIMING, advert, fitting
from tests.protocol.spoilt import Spoilable, outcomes_of_spoilt_frames
from tests.strategy.psp.offers import Scripted

FRAMES = 1_200
"""Of each of the twelve states."""

STRATEGIES: dict[str, Callable[[], BuyerStrategy]] = {
    "opt-out": OptOut,
    "best-reply": lambda: BestReply(0.5, 0.1),
    "adaptive": lambda: AdaptiveBestReply(4.0, 0.1),
}


class Target(Spoilable):
    """A host with a seller, who has the bid of peer/winner, and a buyer, who has bid at peer/s."""

    def __init__(self, strategy: str, phase: str) -> None:
        self.seller = Seller(100.0, HighestLosingReserve(1.0, 0.1), TIMING)
        pool = ["peer/s", "peer/t"]
        self.buyer = Buyer(pool, Parabolic(50, 4.0), STRATEGIES[strategy](), TIMING, Scripted(0.5), budget=1e3)
        self.host = Host("me", {"seller": self.seller, "buyer": self.buyer}, BOTH)
        self.host.start(0.0, lives("me", "peer"))
        self.host.open(0.0)
        for step in (self.bidding, self.awarding, self.over)[: PHASES.index(phase)]:
            step()
        self.host.frames()

    def hears(self, node: str, message: Message | str) -> None:
        sender = "peer/winner" if node == "seller" else "peer/s"
        event = TimerFired(message) if isinstance(message, str) else Received(sender, message)
        self.host._step(1.0, self.host._nodes[node], event)

    def bidding(self) -> None:
        self.hears("seller", Bid(0, 0, 60.0, 4.0, 1))
        self.hears("seller", "clear")
        self.hears("buyer", advert(100.0))
        self.hears("buyer", "think")

    def awarding(self) -> None:
        self.hears("seller", Hold(0, 1, 1, undecided=False))
        self.hears("seller", "quiet")
        self.hears("buyer", fitting(Profile(0, 1, 1, 0, 100.0, 1.0, 1.0, 1.0, *self.book, NO_DIGEST)))

    def over(self) -> None:
        self.hears("seller", Accept(0, 1, 1))
        self.hears("buyer", Award(0, 1, 1, 1.0, 1.0))
        self.hears("buyer", Closed(0))

    @property
    def book(self) -> tuple[list[float], list[float]]:
        own = self.buyer._auctions["peer/s"].standing
        return [own.quantity, 90.0, 3.0], [own.price, 0.5, 0.25]

    @property
    def digest(self) -> bytes:
        return digest(packed(0, 100.0, 1.0, *self.book))

    @property
    def right(self) -> list[list[Any]]:
        """Envelopes of which a correct peer might send one or the other."""
        quantities, prices = self.book
        return [
            ["seller", "rival", 1, ["bid", 0, 0, 30.0, 3.0, 5]],
            ["seller", "winner", 2, ["bid", 0, 1, 30.0, 3.0, 2]],
            ["seller", "winner", 2, ["withdraw", 0, 1, 2]],
            ["seller", "winner", 3, ["hold", 0, 1, 1, False]],
            ["seller", "winner", 4, ["accept", 0, 1, 1]],
            ["seller", "winner", 5, ["decline", 0, 1, 1]],
            ["buyer", "s", 6, ["advert", 0, 9, 100.0, 60.0, 1.0, "open", 1, self.digest]],
            ["buyer", "s", 7, ["profile", 0, 2, 1, 0, 100.0, 1.0, 1.0, 1.0, quantities, prices, self.digest]],
            ["buyer", "s", 8, ["withdrawn", 0, 1]],
            ["buyer", "s", 9, ["award", 0, 1, 1, 1.0, 1.0]],
            ["buyer", "s", 10, ["settled", 0, 1, 1.0, 1.0]],
            ["buyer", "s", 11, ["void", 0, 1]],
            ["buyer", "s", 12, ["closed", 0]],
        ]


PHASES = ["fresh", "bidding", "awarding", "over"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("phase", PHASES)
def test_spoilt_frame_is_counted_exactly_and_changes_nothing(strategy: str, phase: str) -> None:
    outcomes = outcomes_of_spoilt_frames(lambda: Target(strategy, phase), Random(f"{strategy} {phase}"), FRAMES)
    assert min(outcomes.values()) > FRAMES // 10


def test_the_frames_that_are_spoilt_are_right() -> None:
    target = Target("opt-out", "awarding")
    random = Random(0)
    data = {mutated(target.right, random) for _ in range(200)}
    assert Counter(received=13) in [verdicts(frame, {"seller", "buyer"}) for frame in data]
