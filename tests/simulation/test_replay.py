"""Who says again all that was said achieves nothing: in its market, in another of its name, after a restart."""

from random import Random
from typing import Any

import pytest

from node.protocol.host import Host
from node.runtime.sim.simulation import Simulation
from tests.protocol.psp.bench import snapshot
from tests.protocol.wire.sealing import seal
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


# Another market of the same name, and another life in the same market


class Haunted(TapedMarket):
    """A market in which everything that was said in an earlier one is said again, spread over its first seconds."""

    def __init__(self, seed: int, *, signed: bool) -> None:
        super().__init__(world("two-sellers", seed, "auction.quiet_period_s=1").market)
        if signed:
            for host in self.hosts.values():
                host._seal = seal(host.name, *self.hosts)

    def haunted_by(self, earlier: Taped) -> int:
        """Open the market and have it haunted; how many frames and posts there are to come."""
        opened_at = self.open_market()
        heard = [(self.say_again, *frame) for frame in earlier.frames]
        heard += [(self.post_again, *post) for post in earlier.posts]
        for k, (say, receiver, sender, data) in enumerate(Random(0).sample(heard, len(heard))):
            self.at(opened_at + k / len(heard), say, receiver, sender, data)
        return len(heard)

    def say_again(self, receiver: str, sender: str, frame: bytes) -> None:
        self.deliver(self.hosts[receiver], sender, frame)

    def post_again(self, reader: str, poster: str, post: bytes) -> None:
        self.deliver_post(self.hosts[reader], poster, post)

    def counted(self, reason: str) -> int:
        return sum(host.counters[reason] for host in self.hosts.values())


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_frames_and_posts_of_an_earlier_market_of_the_same_name_change_nothing(*, signed: bool) -> None:
    earlier, quiet, haunted = Haunted(1, signed=signed), Haunted(2, signed=signed), Haunted(2, signed=signed)
    assert earlier.settles()
    assert quiet.settles()
    replayed = haunted.haunted_by(earlier)
    assert haunted.goes_on()
    assert haunted.records == quiet.records
    assert haunted.counted("rejected: another life") == replayed > 100
    assert quiet.counted("rejected: another life") == 0


@pytest.mark.parametrize("seed", range(3))
def test_what_a_seller_was_told_before_its_restart_changes_nothing_after_it(seed: int) -> None:
    told: list[list[Any]] = []
    for is_haunted in (False, True):
        market = Haunted(seed, signed=False)
        market.open_market()
        market.runs_until("cleared")
        market.faults.crash("1")
        market.run(market.now + 0.2, 100_000)
        before = [frame for frame in market.frames if frame[0] == "1"]
        market.faults.restart(market.rebuilt("1"))
        market.faults._open(market.hosts["1"])
        for k, (_, sender, frame) in enumerate(before if is_haunted else []):
            market.at(market.now + k / len(before), market.say_again, "1", sender, frame)
        assert market.goes_on()
        market.check_books()
        assert market.hosts["1"].counters["rejected: another life"] == (len(before) if is_haunted else 0)
        told.append(market.records)
    assert told[0] == told[1]


def test_frame_that_is_late_for_the_life_it_was_meant_for_is_rejected() -> None:
    market = Haunted(1, signed=False)
    market.open_market()
    market.runs_until("cleared")
    receiver, sender, late = market.frames[-1]
    market.faults.crash(receiver)
    market.faults.restart(market.rebuilt(receiver))
    market.send(market.hosts[sender], receiver, late)
    market.run(market.now + 0.05, 100_000)
    assert market.hosts[receiver].counters["rejected: another life"] == 1
