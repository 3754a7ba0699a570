"""The simulated network itself, between hosts that only talk."""

import gc
from itertools import pairwise

import pytest

from node.protocol.host import Host
from node.protocol.machine import Effect, Event, Opened, PostOnBoard, Received, Send, SetTimer, Started, TimerFired
from node.protocol.psp.messages import Void
from node.runtime.sim.simulation import LinkModel, Simulation
from tests.protocol.codecs import BOTH
from tests.protocol.psp.bench import advert

MESSAGES = 200


class Talker:
    """Says numbered messages, one a millisecond, once the market is open."""

    watches: frozenset[str] = frozenset()
    finished = True

    def __init__(self, messages: int) -> None:
        self.left = messages

    def step(self, now: float, event: Event) -> list[Effect]:
        if not isinstance(event, Opened | TimerFired) or not self.left:
            return []
        self.left -= 1
        self.finished = not self.left
        return [Send("listener/node", Void(0, self.left)), SetTimer("next", now + 0.001)]


class Listener:
    """Notes when it heard what."""

    def __init__(self, *watches: str) -> None:
        self.watches = frozenset(watches)
        self.finished = False
        self.heard: list[tuple[float, int]] = []

    def step(self, now: float, event: Event) -> list[Effect]:
        if isinstance(event, Received):
            self.heard.append((now, event.message.round if isinstance(event.message, Void) else 0))
        return []


def heard_over(network: LinkModel, seed: int = 1) -> list[tuple[float, int]]:
    listener = Listener()
    hosts = [Host("talker", {"node": Talker(MESSAGES)}, BOTH), Host("listener", {"node": listener}, BOTH)]
    simulation = Simulation(hosts, network, seed, lambda _: None)
    simulation.open_market()
    simulation.run(1e3, 100_000)
    return listener.heard


def test_run_leaves_the_garbage_collector_as_it_was() -> None:
    before = gc.get_threshold()
    heard_over(LinkModel())
    assert gc.get_threshold() == before


@pytest.mark.parametrize("reordering", [0.0, 1.0])
def test_good_network_delivers_every_frame_once(reordering: float) -> None:
    heard = heard_over(LinkModel(0.0, 0.5, reordering=reordering))
    assert sorted(number for _, number in heard) == list(range(MESSAGES))


def test_delays_lie_between_their_bounds() -> None:
    heard = heard_over(LinkModel(0.25, 0.5, reordering=1.0))
    delays = [at - 0.001 * (MESSAGES - 1 - number) for at, number in heard]
    assert 0.25 <= min(delays) < 0.26
    assert 0.49 < max(delays) <= 0.5 + 1e-9


def test_frames_of_a_pair_keep_their_order_without_reordering() -> None:
    numbers = [number for _, number in heard_over(LinkModel(0.0, 0.5))]
    assert numbers == sorted(numbers, reverse=True)


def test_frames_overtake_with_reordering() -> None:
    numbers = [number for _, number in heard_over(LinkModel(0.0, 0.5, reordering=1.0))]
    assert any(later > earlier for earlier, later in pairwise(numbers))


def test_lost_frames_never_arrive() -> None:
    numbers = [number for _, number in heard_over(LinkModel(loss=0.25))]
    assert len(numbers) == len(set(numbers))
    assert 0.6 * MESSAGES < len(numbers) < 0.9 * MESSAGES


def test_duplicated_frames_arrive_twice() -> None:
    numbers = [number for _, number in heard_over(LinkModel(duplication=1.0))]
    assert sorted(numbers) == sorted(2 * list(range(MESSAGES)))


def test_another_seed_is_another_network() -> None:
    network = LinkModel(0.0, 0.5)
    assert heard_over(network, seed=1) == heard_over(network, seed=1)
    assert heard_over(network, seed=1) != heard_over(network, seed=2)


def test_frames_to_nobody_are_lost() -> None:
    hosts = [Host("talker", {"node": Talker(3)}, BOTH)]
    simulation = Simulation(hosts, LinkModel(), 1, lambda _: None)
    simulation.open_market()
    assert not simulation.run(1e3, 100)
    assert simulation.settled


class Poster:
    """Posts one advert when it is started."""

    watches: frozenset[str] = frozenset()
    finished = False

    def step(self, now: float, event: Event) -> list[Effect]:
        del now
        return [PostOnBoard(advert(10.0))] if isinstance(event, Started) else []


def test_posts_arrive_at_who_watches_before_the_market_opens_however_bad_the_network() -> None:
    watching, other = Listener("poster/node"), Listener("somebody/else")
    hosts = [
        Host("poster", {"node": Poster()}, BOTH),
        Host("watching", {"node": watching}, BOTH),
        Host("other", {"node": other}, BOTH),
    ]
    simulation = Simulation(hosts, LinkModel(loss=0.9), 1, lambda _: None)
    opened_at = simulation.open_market()
    assert [at <= opened_at for at, _ in watching.heard] == [True]
    assert other.heard == []


def test_run_stops_at_its_time() -> None:
    hosts = [Host("talker", {"node": Talker(MESSAGES)}, BOTH), Host("listener", {"node": Listener()}, BOTH)]
    simulation = Simulation(hosts, LinkModel(), 1, lambda _: None)
    simulation.open_market()
    assert not simulation.run(0.05, 100_000)
    assert simulation.now <= 0.05


def test_run_stops_after_its_number_of_events_and_says_that_there_is_more() -> None:
    hosts = [Host("talker", {"node": Talker(MESSAGES)}, BOTH), Host("listener", {"node": Listener()}, BOTH)]
    simulation = Simulation(hosts, LinkModel(), 1, lambda _: None)
    simulation.open_market()
    assert simulation.run(1e3, 10)
    assert not simulation.settled


class Patient:
    """Means to do one thing late, and something at once whenever it is spoken to."""

    watches: frozenset[str] = frozenset()
    finished = False

    def step(self, now: float, event: Event) -> list[Effect]:
        match event:
            case Opened():
                return [SetTimer("late", 10.0)]
            case Received():
                return [SetTimer("soon", now)]
        return []


def test_timer_wakes_its_host_once_however_often_others_came_first() -> None:
    hosts = [Host("talker", {"node": Talker(MESSAGES)}, BOTH), Host("listener", {"node": Patient()}, BOTH)]
    simulation = Simulation(hosts, LinkModel(), 1, lambda _: None)
    simulation.open_market()
    simulation.run(9.0, 100_000)
    assert simulation.run(10.0, 1)
    assert not simulation.run(10.0, 1)
