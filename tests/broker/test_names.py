"""What a broker repeats of the protocol, since it imports no node, is what the protocol says."""

import pytest

from broker import names
from broker.own.configuration import RULES
from node.protocol import topics
from node.protocol.topics import Topics, address

TOPICS = Topics("m")
MAY: dict[str, set[tuple[str, str]]] = {
    "host": {
        ("read", TOPICS.every_inbox("me")),
        ("read", TOPICS.every_board),
        ("read", TOPICS.every_presence),
        ("read", TOPICS.control),
        ("write", TOPICS.inbox("other", "me")),
        ("write", TOPICS.board(address("me", "node"))),
        ("write", TOPICS.presence("me")),
        ("write", TOPICS.trace("me")),
    },
    "observer": {
        ("read", TOPICS.every_board),
        ("read", TOPICS.every_presence),
        ("read", TOPICS.every_trace),
        ("read", TOPICS.control),
    },
}


def covers(rule: str, topic: str) -> bool:
    """Whether the topic filter of a rule takes in a topic, or all that a narrower filter takes in."""
    wide, narrow = rule.split("/"), topic.split("/")
    if wide[-1] == "#":
        return len(narrow) >= len(wide) and covers("/".join(wide[:-1]), "/".join(narrow[: len(wide) - 1]))
    return len(wide) == len(narrow) and all(own in ("+", level) for own, level in zip(wide, narrow, strict=True))


def test_names_and_the_root_of_topics_are_those_of_the_protocol() -> None:
    assert (names.NAME, names.NAME_IN_WORDS, names.ROOT) == (topics.NAME, topics.NAME_IN_WORDS, topics.ROOT)


@pytest.mark.parametrize("role", MAY)
def test_every_rule_lets_a_user_do_one_thing_that_its_nodes_do(role: str) -> None:
    rules = {tuple(rule.replace("%u", "me").split()) for rule in RULES[role]}  # type: ignore[index]
    granted = {rule: {one for one in MAY[role] if one[0] == rule[0] and covers(rule[1], one[1])} for rule in rules}
    assert {len(done) for done in granted.values()} == {1}
    assert set[tuple[str, str]]().union(*granted.values()) == MAY[role]


@pytest.mark.parametrize("topic", [TOPICS.control, TOPICS.inbox("a", "b"), TOPICS.board("a/b"), TOPICS.trace("a")])
def test_launcher_may_read_and_write_every_topic(topic: str) -> None:
    (rule,) = RULES["launcher"]
    assert rule.split()[0] == "readwrite"
    assert covers(rule.split()[1], topic)
