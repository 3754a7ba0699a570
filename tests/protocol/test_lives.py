"""A host hears only what is for its own life, and believes the posts of the lives that presence shows."""

from hypothesis import given
from hypothesis import strategies as st

from node.protocol.host import Host
from node.protocol.machine import PeerOffline, Received, Send
from node.protocol.wire import limits
from node.protocol.wire.frames import encode_post
from tests.protocol.lives import ME, YOU, life, lives
from tests.protocol.psp.bench import advert
from tests.protocol.test_host import BID, Puppet, frame_of, host_of_puppets, started

EARLIER = life("you, earlier")
LIVES = (YOU, EARLIER, life("you, later"))


def watcher() -> tuple[Host, Puppet]:
    puppet = Puppet(watches=("you/s",))
    return started(host_of_puppets(a=puppet)), puppet


@given(st.binary(min_size=8, max_size=8))
def test_frame_for_another_life_changes_nothing(other: bytes) -> None:
    puppet = Puppet()
    host = started(host_of_puppets(a=puppet), "you")
    host.receive_frame(1.0, "you", frame_of(("a", "s", BID), life=other))
    expected = {"received": 1} if other == ME else {"rejected: another life": 1}
    assert (len(puppet.events), host.counters) == (int(other == ME), expected)


def test_frame_before_the_start_is_for_no_life() -> None:
    puppet = Puppet()
    host = host_of_puppets(a=puppet)
    host.receive_frame(1.0, "you", frame_of(("a", "s", BID)))
    assert (puppet.events, host.counters) == ([], {"rejected: another life": 1})


def test_host_that_was_never_there_is_sent_nothing() -> None:
    host = host_of_puppets(a=Puppet(Send("you/s", BID), Send("they/s", BID)))
    host.start(0.0, lives("me", "they"))
    assert [to for to, _ in host.frames()] == ["they"]
    assert host.counters == {"sent": 2, "unsent: no presence": 1}


def test_frame_is_for_the_life_in_which_its_receiver_is_by_then() -> None:
    a = Puppet(Send("you/s", BID))
    host = host_of_puppets(a=a)
    host.start(0.0, lives("me"))
    host.peer_online(0.0, "you", EARLIER)
    host.peer_online(0.0, "you", YOU)
    assert host.frames() == [("you", frame_of(("s", "a", BID), life=YOU))]


def test_post_waits_for_the_presence_of_its_host() -> None:
    host, puppet = watcher()
    host.receive_post(1.0, "you/s", encode_post(advert(10.0), YOU))
    assert (puppet.events, host.awaited, host.counters) == ([], ["you/s"], {})
    host.peer_online(2.0, "you", YOU)
    assert puppet.events == [(2.0, Received("you/s", advert(10.0)))]
    assert (host.awaited, host.counters) == ([], {"received": 1})


def test_post_of_another_life_is_counted_and_not_believed() -> None:
    host, puppet = watcher()
    host.peer_online(1.0, "you", YOU)
    host.receive_post(2.0, "you/s", encode_post(advert(10.0), EARLIER))
    assert (puppet.events, host.awaited, host.counters) == ([], ["you/s"], {"rejected: another life": 1})


def test_post_of_a_host_that_has_left_an_earlier_market_is_not_believed() -> None:
    host, puppet = watcher()
    host.peer_offline(1.0, "you", EARLIER)
    host.receive_post(2.0, "you/s", encode_post(advert(10.0), EARLIER))
    assert (puppet.events, host.awaited) == ([(1.0, PeerOffline("you"))], ["you/s"])


def test_late_will_of_an_earlier_life_is_ignored() -> None:
    host, puppet = watcher()
    host.peer_online(1.0, "you", YOU)
    host.peer_offline(2.0, "you", EARLIER)
    assert (puppet.events, host.counters) == ([], {"ignored: another life": 1})


def test_new_life_ends_the_one_before() -> None:
    """Its last will, which comes late, is ignored: so the nodes are told now."""
    host, puppet = watcher()
    host.peer_online(1.0, "you", EARLIER)
    host.receive_post(2.0, "you/s", encode_post(advert(10.0, seq=2), YOU))
    host.peer_online(3.0, "you", YOU)
    host.peer_offline(4.0, "you", EARLIER)
    assert puppet.events == [(3.0, PeerOffline("you")), (3.0, Received("you/s", advert(10.0, seq=2)))]


def test_reconnection_keeps_the_life() -> None:
    host, puppet = watcher()
    for _ in range(2):
        host.peer_online(1.0, "you", YOU)
    assert puppet.events == []


def test_lives_of_made_up_hosts_take_bounded_memory() -> None:
    host, _ = watcher()
    for k in range(limits.MAX_LIVES + 9):
        host.peer_online(0.0, f"h{k}", YOU)
    assert len(host._lives) == limits.MAX_LIVES
    assert host.counters == {"throttled: presence": 10}


Step = tuple[str, bytes, int]
steps = st.lists(st.tuples(st.sampled_from(["online", "offline", "post"]), st.sampled_from(LIVES), st.integers(1, 9)))


def expected(told: list[Step]) -> list[object]:
    """What the watcher must hear, by docs/protocol.md, section 3: a dumb second opinion."""
    heard: list[object] = []
    known, kept = None, None
    for word, of, seq in told:
        match word:
            case "online" if of != known:
                heard += [PeerOffline("you")] if known else []
                known = of
                if kept and kept[0] == known:
                    heard.append(Received("you/s", kept[1]))
                    kept = None
            case "offline" if known in (None, of):
                heard.append(PeerOffline("you"))
            case "post" if of == known:
                heard.append(Received("you/s", advert(10.0, seq=seq)))
            case "post":
                kept = of, advert(10.0, seq=seq)
    return heard


@given(steps)
def test_whatever_presence_says_posts_count_in_the_life_it_shows(told: list[Step]) -> None:
    host, puppet = watcher()
    for word, of, seq in told:
        match word:
            case "online":
                host.peer_online(0.0, "you", of)
            case "offline":
                host.peer_offline(0.0, "you", of)
            case _:
                host.receive_post(0.0, "you/s", encode_post(advert(10.0, seq=seq), of))
    assert [event for _, event in puppet.events] == expected(told)
    assert len(host._waiting) <= 1
