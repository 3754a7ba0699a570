"""A seller that tells two buyers different books is exposed, and its victims buy elsewhere."""

import msgspec
import pytest

from node.protocol.host import Host
from node.protocol.machine import Message
from node.protocol.psp.messages import Profile
from node.protocol.wire.frames import decode_frame, encode_frames, encode_message
from tests.protocol.codecs import EXCHANGE
from tests.protocol.psp.bench import fitting
from tests.simulation.world import HAZARDS, World, world


class Lied(World):
    """A world in which seller 2 tells its victims that their rivals want twice as much as they do."""

    victims = frozenset({"D", "E"})

    def deliver(self, receiver: Host, sender: str, frame: bytes) -> None:
        if sender == "2" and receiver.name in self.victims:
            life = self.lives[receiver.name]
            lies = [
                msgspec.structs.replace(envelope, message=encode_message(forged(EXCHANGE.message(envelope.message))))
                for envelope in decode_frame(frame, life)
            ]
            (frame,) = encode_frames(lies, life)
        super().deliver(receiver, sender, frame)


def forged(message: Message) -> Message:
    if not isinstance(message, Profile):
        return message
    doubled = [quantity if k == message.your_row else 2 * quantity for k, quantity in enumerate(message.quantities)]
    return fitting(msgspec.structs.replace(message, quantities=doubled))


def lied_to(seed: int, *settings: str) -> Lied:
    return Lied(world("two-sellers", seed, *settings).market)


@pytest.mark.parametrize("settings", [(), HAZARDS], ids=["clean", "lossy"])
@pytest.mark.parametrize("seed", range(5))
def test_seller_of_two_books_is_exposed_by_its_victims_alone(seed: int, settings: tuple[str, ...]) -> None:
    market = lied_to(seed, *settings)
    assert market.settles()
    told = {(record.node, record.what.seller) for record in market.records if record.kind == "exposed"}
    assert told == {("D/D", "2/2"), ("E/E", "2/2")}
    assert market.metrics.exposed == {"2": {("D", "two books"), ("E", "two books")}}


def test_victims_buy_elsewhere() -> None:
    market = lied_to(1)
    assert market.settles()
    market.check_books()
    assert {seller for seller, buyer in market.sold() if buyer in market.victims} == {"1"}
    assert (market.bought("D"), market.bought("E")) == pytest.approx((20.0, 14.0))


def test_exposed_seller_is_bid_at_no_more() -> None:
    market = lied_to(1)
    assert market.settles()
    (exposed,) = (k for k, record in enumerate(market.records) if (record.kind, record.node) == ("exposed", "D/D"))
    since = [record for record in market.records[exposed:] if record.node == "D/D"]
    after = [record.kind for record in since if getattr(record.what, "seller", "") == "2/2"]
    assert after == ["exposed", "withdraw"]


@pytest.mark.parametrize("seed", range(20))
def test_honest_seller_is_never_exposed(seed: int) -> None:
    market = world("two-sellers", seed, *HAZARDS)
    assert market.settles()
    assert market.metrics.exposed == {}
