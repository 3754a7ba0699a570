import msgpack
import pytest

from node.mechanism.valuation import Flat
from node.protocol.host import Host
from node.protocol.machine import (
    CancelTimer,
    Dropped,
    Effect,
    Event,
    Left,
    Message,
    Opened,
    PeerOffline,
    PostOnBoard,
    Received,
    Reconnected,
    Send,
    SetTimer,
    Started,
    TimerFired,
)
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.events import MindChanged
from node.protocol.psp.messages import Bid, Closed
from node.protocol.psp.seller import Seller
from node.protocol.psp.trace import BidPlaced, SaleSettled
from node.protocol.trace import Record
from node.protocol.wire.frames import Envelope, decode_frame, encode_frames, encode_message
from node.strategy.psp.opt_out import OptOut
from node.strategy.psp.reserve import FixedReserve
from tests.protocol.codecs import BOTH
from tests.protocol.lives import ME, YOU, life, lives
from tests.protocol.psp.bench import TIMING, advert
from tests.strategy.psp.offers import Scripted


class Puppet:
    """A machine that answers every event with the effects it is given, and remembers the events."""

    def __init__(self, *effects: Effect, watches: tuple[str, ...] = (), finished: bool = False) -> None:
        self.effects = list(effects)
        self.watches = frozenset(watches)
        self.finished = finished
        self.events: list[tuple[float, Event]] = []

    def step(self, now: float, event: Event) -> list[Effect]:
        self.events.append((now, event))
        effects, self.effects = self.effects, []
        return effects


BID = Bid(0, 0, 5.0, 1.0, 1)


def host_of_puppets(**puppets: Puppet) -> Host:
    return Host("me", puppets, BOTH)


def started(host: Host, *others: str) -> Host:
    """The host in its life, which knows the lives of others; its machines have forgotten that it was started."""
    host.start(0.0, lives(host.name, *others))
    for machine in host.machines.values():
        assert isinstance(machine, Puppet)
        machine.events.clear()
    return host


def frame_of(*contents: tuple[str, str, Message], life: bytes = ME) -> bytes:
    (frame,) = encode_frames([Envelope(to, of, 1, encode_message(message)) for to, of, message in contents], life)
    return frame


@pytest.mark.parametrize(
    ("say", "event"),
    [
        (lambda host: host.start(1.0, lives("me")), Started()),
        (lambda host: host.open(1.0), Opened()),
        (lambda host: host.reconnected(1.0), Reconnected()),
        (lambda host: host.peer_offline(1.0, "you", YOU), PeerOffline("you")),
        (lambda host: host.leave(1.0), Left()),
    ],
    ids=["start", "open", "reconnected", "peer offline", "leave"],
)
def test_all_nodes_hear_what_concerns_the_host(say: object, event: Event) -> None:
    a, b = Puppet(), Puppet()
    say(host_of_puppets(a=a, b=b))  # type: ignore[operator]
    assert a.events == b.events == [(1.0, event)]


def test_what_happens_to_a_user_is_told_to_its_node_alone() -> None:
    a, b = Puppet(), Puppet()
    changed = MindChanged({}, stand=True)
    host_of_puppets(a=a, b=b).tell(1.0, "b", changed)
    assert (a.events, b.events) == ([], [(1.0, changed)])


def test_message_reaches_its_node_only() -> None:
    a, b = Puppet(), Puppet()
    started(host_of_puppets(a=a, b=b)).receive_frame(2.0, "you", frame_of(("b", "seller", BID)))
    assert a.events == []
    assert b.events == [(2.0, Received("you/seller", BID))]


def test_sender_is_the_host_the_frame_came_from() -> None:
    """The broker vouches for the host of a frame; the node part is the host's own word."""
    a = Puppet()
    started(host_of_puppets(a=a)).receive_frame(2.0, "liar", frame_of(("a", "seller", BID)))
    assert a.events == [(2.0, Received("liar/seller", BID))]


def test_messages_of_a_frame_are_delivered_in_order() -> None:
    a = Puppet()
    host = started(host_of_puppets(a=a))
    host.receive_frame(0.0, "you", frame_of(("a", "s", BID), ("a", "s", Closed(0))))
    assert [event.message for _, event in a.events if isinstance(event, Received)] == [BID, Closed(0)]
    assert host.counters == {"received": 2}


def test_malformed_frame_is_counted_and_dropped() -> None:
    host = started(host_of_puppets(a=Puppet()))
    host.receive_frame(0.0, "you", b"nonsense")
    assert host.counters == {"rejected: malformed frame": 1}


def test_bad_envelope_spoils_no_other() -> None:
    a = Puppet()
    host = started(host_of_puppets(a=a))
    bid = ["bid", 0, 0, 5.0, 1.0, 1]
    rows = [["nobody", "s", 1, bid], ["a", "s", 2, ["nonsense"]], ["a", "s\n", 3, bid], ["a", "s", 4, bid]]
    host.receive_frame(0.0, "you", msgpack.packb([1, ME, rows]))
    assert len(a.events) == 1
    assert host.counters == {
        "rejected: unknown node": 1,
        "rejected: malformed message": 1,
        "rejected: malformed address": 1,
        "received": 1,
    }


def test_post_reaches_who_watches_its_poster() -> None:
    a, b = Puppet(watches=("you/s",)), Puppet(watches=("you/t",))
    host = started(host_of_puppets(a=a, b=b), "you")
    host.receive_post(1.0, "you/s", msgpack.packb([1, YOU, ["advert", 0, 1, 100, 100, 1, "open", 0, bytes(16)]]))
    assert a.events == [(1.0, Received("you/s", advert(100.0)))]
    assert b.events == []
    assert set(host.watched) == {"you/s", "you/t"}


def test_unwatched_post_is_not_even_read() -> None:
    host = started(host_of_puppets(a=Puppet()))
    host.receive_post(0.0, "you/s", b"nonsense")
    assert host.counters == {}


def test_malformed_post_is_counted_and_dropped() -> None:
    a = Puppet(watches=("you/s",))
    host = started(host_of_puppets(a=a))
    host.receive_post(0.0, "you/s", b"nonsense")
    assert (a.events, host.counters) == ([], {"rejected: malformed post": 1})


def test_what_nodes_send_to_one_host_is_one_frame() -> None:
    a = Puppet(Send("you/s", BID), Send("they/s", BID))
    b = Puppet(Send("you/t", BID))
    host = host_of_puppets(a=a, b=b)
    host.start(0.0, lives("me", "you", "they"))
    frames = dict(host.frames())
    assert [(found.to_node, found.from_node) for found in decode_frame(frames["you"], YOU)] == [("s", "a"), ("t", "b")]
    assert [BOTH.message(found.message) for found in decode_frame(frames["they"], life("they"))] == [BID]
    assert host.counters == {"sent": 3}


def test_frames_are_taken_once() -> None:
    host = host_of_puppets(a=Puppet(Send("you/s", BID)))
    host.start(0.0, lives("me"))
    host.frames()
    assert host.frames() == []


def test_envelopes_count_what_each_node_has_sent() -> None:
    a, b = Puppet(Send("you/s", BID), Send("they/s", BID)), Puppet(Send("you/s", BID))
    host = host_of_puppets(a=a, b=b)
    host.start(0.0, lives("me", "you", "they"))
    frames = {to: [found.seq for found in decode_frame(frame, life(to))] for to, frame in host.frames()}
    assert frames == {"you": [1, 1], "they": [2]}


def test_only_the_newest_post_of_a_node_goes_out() -> None:
    a = Puppet(PostOnBoard(advert(9.0)), PostOnBoard(advert(8.0, seq=2)))
    host = host_of_puppets(a=a, b=Puppet(PostOnBoard(advert(7.0))))
    host.start(0.0, lives("me"))
    assert [(poster, BOTH.post(post)) for poster, post in host.posts()] == [
        ("me/a", (ME, advert(8.0, seq=2))),
        ("me/b", (ME, advert(7.0))),
    ]
    assert host.posts() == []


def test_trace_becomes_record_of_its_node() -> None:
    host = host_of_puppets(a=Puppet(BidPlaced("you/s", 1, 2, 3.0, 4.0)))
    host.start(0.5, lives("me"))
    assert host.records() == [Record(0.5, "me/a", BidPlaced("you/s", 1, 2, 3.0, 4.0))]
    assert host.records() == []


def test_drops_of_nodes_are_counted_by_verdict_and_reason() -> None:
    host = host_of_puppets(a=Puppet(Dropped("ignored", "old"), Dropped("ignored", "old"), Dropped("rejected", "bad")))
    host.start(0.0, lives("me"))
    assert host.counters == {"ignored: old": 2, "rejected: bad": 1}


def test_timers_fire_in_order_of_time_when_they_are_due() -> None:
    a = Puppet(SetTimer("late", 3.0), SetTimer("early", 2.0), SetTimer("later", 4.0))
    host = host_of_puppets(a=a)
    host.start(0.0, lives("me"))
    assert host.next_deadline == 2.0
    host.fire(3.0)
    assert a.events[1:] == [(3.0, TimerFired("early")), (3.0, TimerFired("late"))]
    assert host.next_deadline == 4.0


def test_timer_set_again_moves() -> None:
    a = Puppet(SetTimer("tea", 1.0), SetTimer("tea", 5.0))
    host = host_of_puppets(a=a)
    host.start(0.0, lives("me"))
    host.fire(1.0)
    assert (len(a.events), host.next_deadline) == (1, 5.0)


def test_cancelled_timer_does_not_fire() -> None:
    a = Puppet(SetTimer("tea", 1.0), CancelTimer("tea"), CancelTimer("never set"))
    host = host_of_puppets(a=a)
    host.start(0.0, lives("me"))
    host.fire(9.0)
    assert (len(a.events), host.next_deadline) == (1, None)


def test_timers_of_the_same_name_belong_to_their_nodes() -> None:
    a, b = Puppet(SetTimer("tea", 1.0)), Puppet(SetTimer("tea", 1.0), CancelTimer("tea"))
    host = host_of_puppets(a=a, b=b)
    host.start(0.0, lives("me"))
    host.fire(1.0)
    assert (len(a.events), len(b.events)) == (2, 1)


def test_timers_that_are_set_are_counted() -> None:
    host = host_of_puppets(a=Puppet(SetTimer("tea", 1.0), SetTimer("tea", 2.0)), b=Puppet(SetTimer("tea", 3.0)))
    host.start(0.0, lives("me"))
    assert host.timers == 2
    host.fire(2.0)
    assert host.timers == 1


@pytest.mark.parametrize(("states", "finished"), [((True, True), True), ((True, False), False), ((), True)])
def test_host_is_finished_when_all_nodes_are(states: tuple[bool, ...], finished: bool) -> None:
    host = Host("me", {f"n{k}": Puppet(finished=state) for k, state in enumerate(states)}, BOTH)
    assert host.finished == finished


def test_seller_and_buyer_on_two_hosts_settle_by_bytes_alone() -> None:
    seller = Host("s", {"seller": Seller(100.0, FixedReserve(1.0), TIMING)}, BOTH)
    buyer = Host("b", {"buyer": Buyer(["s/seller"], Flat(60, 2.0), OptOut(), TIMING, Scripted(0.5))}, BOTH)
    hosts = {"s": seller, "b": buyer}
    for host in hosts.values():
        host.start(0.0, lives("s", "b"))
    for poster, post in seller.posts():
        buyer.receive_post(0.0, poster, post)
    for host in hosts.values():
        host.open(0.0)
    now, records = 0.0, []
    while not (seller.finished and buyer.finished):
        for name, host in hosts.items():
            for to, frame in host.frames():
                hosts[to].receive_frame(now, name, frame)
        now = min(host.next_deadline for host in hosts.values() if host.next_deadline is not None)
        for host in hosts.values():
            host.fire(now)
            records += host.records()
        for poster, post in seller.posts():
            buyer.receive_post(now, poster, post)
    settled = [record.what for record in records if record.kind == "settled"]
    assert settled == [SaleSettled("b/buyer", 1, 60.0, 60.0)]
