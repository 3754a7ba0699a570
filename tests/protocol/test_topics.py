import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.errors import ProtocolUsageError, RejectedError
from node.protocol.topics import (
    Board,
    Control,
    Inbox,
    Presence,
    Topics,
    TraceOf,
    address,
    host_of,
    name,
    node_of,
    peer_address,
)

TOPICS = Topics("cell-1")

names = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")
HOSTILE_NAMES = ["", "a" * 65, "a/b", "+", "#", "a+", "$SYS", "a b", "a\n", "a\0", "ä", "..", "\u0661"]


@given(names, names)
def test_address_takes_apart_as_it_was_put_together(host: str, node: str) -> None:
    assert (host_of(address(host, node)), node_of(address(host, node))) == (host, node)


@pytest.mark.parametrize("hostile", HOSTILE_NAMES)
def test_no_address_is_built_from_hostile_names(hostile: str) -> None:
    with pytest.raises(ProtocolUsageError):
        address(hostile, "node")
    with pytest.raises(ProtocolUsageError):
        address("host", hostile)


@pytest.mark.parametrize("hostile", HOSTILE_NAMES)
def test_no_market_has_a_hostile_name(hostile: str) -> None:
    with pytest.raises(ProtocolUsageError):
        Topics(hostile)


@pytest.mark.parametrize("hostile", HOSTILE_NAMES)
def test_claimed_address_with_hostile_names_is_rejected(hostile: str) -> None:
    with pytest.raises(RejectedError):
        peer_address(hostile, "node")
    with pytest.raises(RejectedError):
        peer_address("host", hostile)


@given(names)
def test_good_names_are_kept(text: str) -> None:
    assert name(text) == text


@given(names, names)
def test_every_topic_parses_as_it_was_built(a: str, b: str) -> None:
    assert TOPICS.parse(TOPICS.inbox(a, b)) == Inbox(to_host=a, from_host=b)
    assert TOPICS.parse(TOPICS.board(address(a, b))) == Board(f"{a}/{b}")
    assert TOPICS.parse(TOPICS.presence(a)) == Presence(a)
    assert TOPICS.parse(TOPICS.trace(a)) == TraceOf(a)
    assert TOPICS.parse(TOPICS.control) == Control()


def test_topics_are_those_of_the_protocol() -> None:
    assert TOPICS.inbox("to", "from") == "bidswarm/v1/cell-1/inbox/to/from"
    assert TOPICS.board("host/node") == "bidswarm/v1/cell-1/board/host/node"
    assert TOPICS.presence("host") == "bidswarm/v1/cell-1/presence/host"
    assert TOPICS.trace("host") == "bidswarm/v1/cell-1/trace/host"
    assert TOPICS.control == "bidswarm/v1/cell-1/control"


def test_filters_are_those_of_the_protocol() -> None:
    assert TOPICS.every_inbox("me") == "bidswarm/v1/cell-1/inbox/me/+"
    assert TOPICS.every_board == "bidswarm/v1/cell-1/board/#"
    assert TOPICS.every_presence == "bidswarm/v1/cell-1/presence/+"
    assert TOPICS.every_trace == "bidswarm/v1/cell-1/trace/+"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "/",
        "bidswarm/v1/cell-1",
        "bidswarm/v1/cell-1/",
        "bidswarm/v1/cell-2/control",
        "bidswarm/v2/cell-1/control",
        "bidswarm/v1/cell-1x/control",
        "bidswarm/v1/cell-1/control/",
        "bidswarm/v1/cell-1/control/x",
        "bidswarm/v1/cell-1/inbox/a",
        "bidswarm/v1/cell-1/inbox/a/b/c",
        "bidswarm/v1/cell-1/inbox//b",
        "bidswarm/v1/cell-1/inbox/a/",
        "bidswarm/v1/cell-1/inbox/+/b",
        "bidswarm/v1/cell-1/inbox/a/b\n",
        "bidswarm/v1/cell-1/board/a",
        "bidswarm/v1/cell-1/board/a/b/c",
        "bidswarm/v1/cell-1/board/a/" + "b" * 65,
        "bidswarm/v1/cell-1/presence/",
        "bidswarm/v1/cell-1/presence/a/b",
        "bidswarm/v1/cell-1/trace/#",
        "bidswarm/v1/cell-1/elsewhere/a",
        "bidswarm/v1/cell-1\0/control",
        "$SYS/broker/clients",
    ],
)
def test_hostile_topic_is_rejected(topic: str) -> None:
    with pytest.raises(RejectedError):
        TOPICS.parse(topic)


@pytest.mark.parametrize("hostile", HOSTILE_NAMES)
@pytest.mark.parametrize("kind", ["presence/{}", "trace/{}", "inbox/{}/a", "inbox/a/{}", "board/{}/a", "board/a/{}"])
def test_topic_with_a_hostile_name_is_rejected(kind: str, hostile: str) -> None:
    with pytest.raises(RejectedError):
        TOPICS.parse(f"bidswarm/v1/cell-1/{kind.format(hostile)}")


@given(st.text(alphabet=st.sampled_from("aZ0-_/+#$ \n\0ä"), max_size=6))
def test_text_is_parsed_only_if_it_is_two_names(text: str) -> None:
    topic = f"bidswarm/v1/cell-1/inbox/{text}"
    try:
        found = TOPICS.parse(topic)
    except RejectedError:
        assert not re.fullmatch("[A-Za-z0-9_-]+/[A-Za-z0-9_-]+", text)
    else:
        assert isinstance(found, Inbox)
        assert TOPICS.inbox(found.to_host, found.from_host) == topic
