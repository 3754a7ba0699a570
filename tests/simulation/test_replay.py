"""Who keeps all frames and says them again when the market has settled achieves nothing; no frame needs a number."""

from random import Random
from typing import Any

import pytest

from node.protocol.host import Host
from node.runtime.sim.simulation import Simulation
from tests.protocol.psp.bench import snapshot
from tests.simulation.call_world import BAD, CallWorld
from tests.simulation.world import HAZARDS, World, world


class Taped(Simulation):
    """A world that keeps everything that was delivered in it."""

    def __init__(self, *arguments: Any) -> None:
        self.frames: list[tuple[str, str, bytes]] = []
        self.posts: list[tuple[str, str, bytes]] = []
        super().__init__(*arguments)

    def deliver(self, receiver: Host, sender: str, frame: bytes) -> None:
        self.frames.append((receiver.name, sender, frame))
        super().deliver(receiver, sender, frame)

    def deliver_post(self, reader: Host, poster: str, post: bytes) -> None:
        self.posts.append((reader.name, poster, post))
        super().deliver_post(reader, poster, post)

    @property
    def books(self) -> Any:
        return {name: snapshot(host.machines) for name, host in self.hosts.items()}

    def replays(self, random: Random) -> None:
        """Deliver everything again, overtaking itself, and let the answers be answered."""
        frames, posts = list(self.frames), list(self.posts)
        random.shuffle(frames)
        for receiver, sender, frame in frames:
            self.deliver(self.hosts[receiver], sender, frame)
        for reader, poster, post in posts:
            self.deliver_post(self.hosts[reader], poster, post)
        while self._events:
            self._next()


class TapedMarket(Taped, World):
    pass


class TapedMarketplace(Taped, CallWorld):
    pass


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("settings", [(), HAZARDS], ids=["clean", "lossy"])
def test_replayed_frames_change_nothing_in_a_settled_market(seed: int, settings: tuple[str, ...]) -> None:
    market = TapedMarket(world("two-sellers", seed, *settings).market)
    assert market.settles()
    while market._events:
        market._next()
    before, told = market.books, len(market.records)
    market.replays(Random(seed))
    assert market.books == before
    assert len(market.records) == told


@pytest.mark.parametrize("seed", range(3))
def test_replayed_frames_change_nothing_in_a_settled_marketplace(seed: int) -> None:
    market = TapedMarketplace(seed, BAD)
    assert market.settles()
    while market._events:
        market._next()
    before, told = market.books, len(market.records)
    market.replays(Random(seed))
    assert market.books == before
    assert len(market.records) == told


def test_frames_replayed_in_an_open_market_leave_its_result_as_it_was() -> None:
    market = TapedMarket(world("two-sellers", 1, "auction.quiet_period_s=3").market)
    market.open_market()
    market.runs_until("cleared")
    for k in range(20):
        market.run(market.now + 0.1, 10_000)
        receiver, sender, frame = Random(k).choice(market.frames)
        market.deliver(market.hosts[receiver], sender, frame)
    assert market.goes_on()
    market.check_books()
    assert {buyer: market.bought(buyer) for buyer in "ABCDE"} == pytest.approx(
        {"A": 50, "B": 40, "C": 26, "D": 20, "E": 14}
    )
