from collections import Counter

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.host import Host
from node.protocol.topics import Topics
from node.protocol.wire.limits import MAX_HOSTS, OTHERS, Limits
from node.runtime.mqtt.mailbox import Mailbox
from tests.protocol.codecs import BOTH

TOPICS = Topics("m")
LIMITS = Limits(messages_burst=3.0, bytes_burst=100.0)


def message(topic: str, size: int = 1) -> aiomqtt.Message:
    return aiomqtt.Message(topic, b"x" * size, qos=1, retain=False, mid=1, properties=None)


def mailbox(limits: Limits | None = LIMITS) -> tuple[Mailbox, Host]:
    host = Host("me", {}, BOTH, limits=limits, trusted=["mine"])
    return Mailbox(host, TOPICS), host


def frame_of(host: str, size: int = 1) -> aiomqtt.Message:
    return message(TOPICS.inbox("me", host), size)


@given(st.lists(st.one_of(st.none(), st.tuples(st.sampled_from("ab"), st.integers(1, 60)))))
def test_unread_is_what_was_put_and_no_host_has_more_of_it_than_it_may_say_at_once(
    steps: list[tuple[str, int] | None],
) -> None:
    box, host = mailbox()
    unread: list[tuple[str, int]] = []
    refused: Counter[str] = Counter()
    for step in steps:
        if step is None:
            if unread:
                read = box.get_nowait()
                assert (read.topic.value, len(read.payload)) == unread.pop(0)
            continue
        topic = TOPICS.inbox("me", step[0])
        own = [size for other, size in unread if other == topic]
        if len(own) < 3 and sum(own) + step[1] <= 100:
            unread.append((topic, step[1]))
        else:
            refused[f"throttled: {step[0]}"] += 1
        box.put_nowait(message(topic, step[1]))
    assert box.qsize() == len(unread)
    assert host.counters == refused


def test_frames_and_posts_of_a_host_count_together_and_its_presence_is_heard_still() -> None:
    box, host = mailbox()
    for topic in (
        TOPICS.inbox("me", "you"),
        TOPICS.board("you/a"),
        TOPICS.board("you/b"),
        TOPICS.board("you/c"),
        TOPICS.presence("you"),
        f"{TOPICS.inbox('me', 'you')}?",
    ):
        box.put_nowait(message(topic))
    assert (box.qsize(), host.counters) == (5, {"throttled: you": 1})


@pytest.mark.parametrize("topic", [TOPICS.inbox("me", "mine"), TOPICS.control], ids=["own host", "launcher"])
def test_own_hosts_and_the_launcher_may_leave_what_they_want(topic: str) -> None:
    box, _ = mailbox()
    for _ in range(10):
        box.put_nowait(message(topic, 99))
    assert box.qsize() == 10


def test_host_without_limits_takes_everything_in() -> None:
    box, _ = mailbox(limits=None)
    for _ in range(10):
        box.put_nowait(frame_of("you", 99))
    assert box.qsize() == 10


def test_hosts_beyond_those_told_apart_share_the_room_of_one() -> None:
    box, host = mailbox()
    for k in range(MAX_HOSTS + 10):
        box.put_nowait(frame_of(f"h{k}"))
    assert (box.qsize(), host.counters) == (MAX_HOSTS + 3, {f"throttled: {OTHERS}": 7})
    while not box.empty():
        box.get_nowait()
    assert not box._unread
