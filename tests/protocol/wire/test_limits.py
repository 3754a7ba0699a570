from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.host import Host
from node.protocol.machine import Dropped, Received, Send
from node.protocol.wire.frames import MAX_FRAME_BYTES, decode_frame, encode_message, encode_post
from node.protocol.wire.limits import MAX_HOSTS, MAX_NAMED, MAX_SENDERS, OTHERS, Limits, Throttle
from tests.protocol.codecs import BOTH
from tests.protocol.lives import ME, YOU, life
from tests.protocol.psp.bench import advert
from tests.protocol.test_host import BID, Puppet, frame_of, started

NARROW = Limits(
    messages_per_s=10.0, messages_burst=3.0, bytes_per_s=1_000.0, bytes_burst=500.0, senders=2, waiting_bytes=100
)

FRAME = frame_of(("a", "s", BID))

arrivals = st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(0, 600), st.integers(1, 4)), max_size=60)


@given(arrivals)
def test_no_more_comes_through_than_rate_and_burst_allow(sent: list[tuple[float, int, int]]) -> None:
    throttle = Throttle(NARROW)
    now, messages, size = 0.0, 0, 0
    for pause, bytes_, count in sent:
        now += pause
        if throttle.admits(now, "you", bytes_, count):
            messages, size = messages + count, size + bytes_
        assert messages <= NARROW.messages_per_s * now + NARROW.messages_burst + 1e-6
        assert size <= NARROW.bytes_per_s * now + NARROW.bytes_burst + 1e-6


@given(arrivals, arrivals)
def test_what_one_host_sends_takes_nothing_from_another(
    flood: list[tuple[float, int, int]], honest: list[tuple[float, int, int]]
) -> None:
    def verdicts(*, flooded: bool) -> list[bool]:
        throttle, now, found = Throttle(NARROW), 0.0, []
        for k, (pause, bytes_, count) in enumerate(honest):
            now += pause
            if flooded and k < len(flood):
                throttle.admits(now, "flooder", *flood[k][1:])
            found.append(throttle.admits(now, "honest", bytes_, count))
        return found

    assert verdicts(flooded=True) == verdicts(flooded=False)


@given(arrivals)
def test_who_keeps_within_the_limits_is_never_throttled(sent: list[tuple[float, int, int]]) -> None:
    throttle, now = Throttle(NARROW), 0.0
    for _, bytes_, count in sent:
        now += max(count / NARROW.messages_per_s, bytes_ / NARROW.bytes_per_s) * (1.0 + 1e-9)
        if bytes_ <= NARROW.bytes_burst and count <= NARROW.messages_burst:
            assert throttle.admits(now, "you", bytes_, count)


def test_what_is_refused_takes_nothing_from_the_allowance() -> None:
    throttle = Throttle(NARROW)
    assert not throttle.admits(0.0, "you", 501)
    assert not throttle.admits(0.0, "you", 0, 4)
    assert throttle.admits(0.0, "you", 500, 3)


def test_clock_that_goes_back_gives_nothing_away() -> None:
    throttle = Throttle(NARROW)
    assert throttle.admits(5.0, "you", 500, 3)
    assert not throttle.admits(1.0, "you", 1)
    assert not throttle.admits(5.0, "you", 1)


def test_largest_frame_fits_the_default_limits() -> None:
    assert Throttle(Limits()).admits(0.0, "you", MAX_FRAME_BYTES)


def test_senders_of_one_host_are_bounded() -> None:
    throttle = Throttle(NARROW)
    assert [throttle.admits_sender("you", of) for of in ("a", "b", "c", "a")] == [True, True, False, True]
    assert throttle.admits_sender("other", "c")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5))))
def test_the_first_senders_of_each_host_are_listened_to_and_no_others(said: list[tuple[str, int]]) -> None:
    throttle = Throttle(NARROW)
    heard: list[tuple[str, int]] = []
    for host, node in said:
        among_the_first = len({other for other in heard if other[0] == host} | {(host, node)}) <= NARROW.senders
        assert throttle.admits_sender(host, f"n{node}") == among_the_first
        if among_the_first:
            heard.append((host, node))


def test_who_comes_when_others_have_used_up_all_places_may_have_one_sender() -> None:
    throttle = Throttle(Limits(senders=MAX_SENDERS))
    for k in range(2 * MAX_SENDERS):
        throttle.admits_sender("greedy", f"n{k}")
    assert [throttle.admits_sender("late", of) for of in ("a", "b", "a")] == [True, False, True]
    assert sum(map(len, throttle._senders.values())) == MAX_SENDERS + 1


@given(st.lists(st.integers(0, 60), max_size=10))
def test_no_more_waits_for_a_host_than_may_until_it_is_sent(sizes: list[int]) -> None:
    throttle, waiting = Throttle(NARROW), 0
    for size in sizes:
        assert throttle.admits_answer("you", size) == (waiting + size <= NARROW.waiting_bytes)
        waiting += size if waiting + size <= NARROW.waiting_bytes else 0
        assert throttle.admits_answer("other", 0)
    throttle.sent()
    assert throttle.admits_answer("you", NARROW.waiting_bytes)


@given(st.integers(1, 1_000))
def test_rates_for_each_of_many_nodes_are_so_many_times_those_for_one(nodes: int) -> None:
    each = NARROW.for_each_of(nodes)
    throttle = Throttle(each)
    assert throttle.admits(0.0, "you", int(500 * nodes), 3 * nodes)
    assert not throttle.admits(0.0, "you", 0, 1)
    assert throttle.admits(1.0, "you", int(500 * nodes), 3 * nodes)
    assert (each.senders, each.waiting_bytes) == (NARROW.senders, NARROW.waiting_bytes)


def test_memory_of_a_flood_of_names_is_bounded() -> None:
    throttle = Throttle(NARROW)
    for k in range(3 * MAX_HOSTS):
        throttle.admits(0.0, f"h{k}", 500)
        throttle.admits_sender(f"h{k}", "x")
        throttle.counted_as(f"h{k}")
    assert len(throttle._allowances) <= MAX_HOSTS + 1
    assert len(throttle._senders) == MAX_HOSTS
    assert len(throttle._counted) == MAX_NAMED


def test_hosts_beyond_those_told_apart_share_one_allowance() -> None:
    throttle = Throttle(NARROW)
    for k in range(MAX_HOSTS):
        throttle.admits(0.0, f"h{k}", 500)
    assert throttle.admits(0.0, "late", 500)
    assert not throttle.admits(0.0, "later", 500)


def test_hosts_that_have_been_quiet_make_room_for_new_ones() -> None:
    throttle = Throttle(NARROW)
    for k in range(MAX_HOSTS):
        throttle.admits(0.0, f"h{k}", 500)
    throttle.admits(10.0, "late", 500)
    assert throttle.admits(10.0, "later", 500)
    assert set(throttle._allowances) == {"late", "later"}


def test_only_so_many_throttled_hosts_are_counted_by_name() -> None:
    throttle = Throttle(NARROW)
    assert {throttle.counted_as(f"h{k}") for k in range(MAX_NAMED)} == {f"h{k}" for k in range(MAX_NAMED)}
    assert throttle.counted_as("late") == OTHERS
    assert throttle.counted_as("h0") == "h0"


# At the host


def limited(**changes: Any) -> tuple[Host, Puppet]:
    puppet = Puppet(watches=("you/s",))
    return started(Host("me", {"a": puppet}, BOTH, limits=Limits(**changes)), "you", "other"), puppet


def test_frame_over_the_limit_is_dropped_unread_and_counted() -> None:
    host, puppet = limited(messages_per_s=1.0, messages_burst=2.0)
    for data in (FRAME, b"garbage", FRAME, b"garbage"):
        host.receive_frame(0.0, "you", data)
    assert len(puppet.events) == 1
    rejected = {"rejected: malformed frame": 1, "rejected from you": 1}
    assert host.counters == {"received": 1, **rejected, "throttled: you": 2}
    host.receive_frame(1.0, "you", FRAME)
    assert puppet.events[1:] == [(1.0, Received("you/s", BID))]


def test_frame_counts_as_its_messages() -> None:
    host, puppet = limited(messages_per_s=1.0, messages_burst=3.0)
    host.receive_frame(0.0, "you", frame_of(*[("a", "s", BID)] * 4))
    assert (puppet.events, host.counters) == ([], {"throttled: you": 1})


def test_post_over_the_limit_is_dropped_unread_and_counted() -> None:
    host, puppet = limited(bytes_per_s=1.0, bytes_burst=100.0)
    for _ in range(3):
        host.receive_post(0.0, "you/s", encode_post(advert(10.0), YOU))
    assert len(puppet.events) == 1
    assert host.counters == {"received": 1, "throttled: you": 2}


def test_message_of_one_sender_too_many_is_dropped_and_spoils_no_other() -> None:
    host, puppet = limited(senders=1)
    host.receive_frame(0.0, "you", frame_of(("a", "s", BID), ("a", "t", BID), ("a", "s", BID)))
    assert [event.sender for _, event in puppet.events if isinstance(event, Received)] == ["you/s", "you/s"]
    assert host.counters == {"received": 2, "throttled: you": 1}


def test_what_would_wait_for_a_host_beyond_the_limit_is_not_sent_but_counted() -> None:
    host, puppet = limited(waiting_bytes=2 * len(encode_message(BID)))
    puppet.effects = [Send("you/s", BID), Send("other/s", BID)] * 3
    host.receive_frame(0.0, "you", FRAME)
    sent = {to: len(decode_frame(frame, life(to))) for to, frame in host.frames()}
    assert sent == {"you": 2, "other": 2}
    assert host.counters["throttled: you"] == host.counters["throttled: other"] == 1


def test_what_is_rejected_is_counted_by_its_sender_wherever_that_is_noticed() -> None:
    host, puppet = limited()
    puppet.effects = [Dropped("rejected", "round to come"), Dropped("ignored", "no news")]
    host.receive_frame(0.0, "you", b"garbage")
    host.receive_frame(0.0, "you", frame_of(("a", "s", BID), ("nobody", "s", BID)))
    host.receive_frame(0.0, "other", b"garbage")
    host.receive_post(0.0, "you/s", b"garbage")
    found = {name: count for name, count in host.counters.items() if name.startswith("rejected from")}
    assert found == {"rejected from you": 4, "rejected from other": 1}


def test_of_trusted_hosts_and_without_limits_nobody_counts_what_is_rejected_by_its_sender() -> None:
    for limits in (Limits(), None):
        host = started(Host("me", {"a": Puppet()}, BOTH, limits=limits, trusted=["you"]), "you")
        host.receive_frame(0.0, "you", b"garbage")
        assert host.counters == {"rejected: malformed frame": 1}


def test_trusted_hosts_have_no_limits() -> None:
    tight = Limits(messages_burst=0.0, bytes_burst=0.0, senders=0, waiting_bytes=0)
    puppet = Puppet(Send("mine/s", BID), Send("you/s", BID), watches=("mine/s",))
    host = started(Host("me", {"a": puppet}, BOTH, limits=tight, trusted=["mine"]), "mine", "you")
    for sender in ("mine", "you"):
        host.receive_frame(0.0, sender, FRAME)
        host.receive_post(0.0, f"{sender}/s", encode_post(advert(10.0), life(sender)))
    assert host.counters == {"received": 2, "sent": 2, "throttled: you": 2}
    assert [to for to, _ in host.frames()] == ["mine"]
    assert (host.trusts("mine"), host.trusts("you"), host.limits) == (True, False, tight)


@pytest.mark.parametrize("messages", [1, 100, 1000])
def test_host_without_limits_reads_everything(messages: int) -> None:
    puppet = Puppet()
    host = started(Host("me", {"a": puppet}, BOTH))
    bid = ["bid", 0, 0, 5.0, 1.0, 1]
    host.receive_frame(0.0, "you", msgpack.packb([1, ME, [["a", f"s{k}", 1, bid] for k in range(messages)]]))
    assert len(puppet.events) == messages
