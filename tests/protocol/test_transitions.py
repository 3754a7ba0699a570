"""The states of the machines are what docs/protocol.md says, and their handlers are named after what they handle."""

from typing import get_args

import pytest

from node.protocol.dmp.messages import CallMessage
from node.protocol.psp.messages import ExchangeMessage
from tests.protocol.subjects import SUBJECTS
from tests.protocol.transitions import ANY_OTHER, Subject, page_section, published, table, tag

each_machine = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)

SHARED = {
    ("Seller", "`withdraw`"): {"_on_bid"},  # the zero bid
    ("Terminal", "`registered`"): {"Membership.on_confirmation"},
    ("Terminal", "`deregistered`"): {"Membership.on_confirmation"},
    ("ServiceAgent", "`registered`"): {"Membership.on_confirmation"},
    ("ServiceAgent", "`deregistered`"): {"Membership.on_confirmation"},
    ("NetworkAgent", "`registered`"): {"_on_confirmation"},
    ("NetworkAgent", "`deregistered`"): {"_on_confirmation"},
    ("ServiceAgent", "`blocked`"): {"_on_failure"},
    ("ServiceAgent", "`decommit`"): {"_on_failure"},
    ("NetworkAgent", "`registry`"): {""},  # its host waits for the post before it says that it is ready
}
"""Handlers of more than one message, or of none."""


def test_page_says_what_the_machines_do() -> None:
    assert published() == page_section(SUBJECTS), "run: python -m tests.protocol.transitions"


@each_machine
def test_every_state_is_reached(subject: Subject) -> None:
    assert {subject.state(situation()) for situation in subject.situations} == set(subject.states)


@each_machine
def test_every_message_is_given_in_every_state(subject: Subject) -> None:
    rows = table(subject)
    assert all(rows[f"`{tag(message)}`"].keys() == subject.states.keys() for _, message in subject.said)


def test_every_message_of_both_markets_is_for_some_machine() -> None:
    given = {type(message) for subject in SUBJECTS for _, message in subject.said}
    assert given == {*get_args(ExchangeMessage), *get_args(CallMessage)}


@each_machine
def test_every_other_message_is_rejected(subject: Subject) -> None:
    others = [message for other in SUBJECTS for _, message in other.said]
    outcomes = {one.text for found in table(subject, others)[ANY_OTHER].values() for one in found}
    (reason,) = outcomes
    assert reason.startswith("rejected: not for a")


@each_machine
def test_handler_is_named_after_its_message(subject: Subject) -> None:
    for label, by_state in table(subject).items():
        if label.startswith("`"):
            handlers = {one.handler for found in by_state.values() for one in found if one.handler} or {""}
            name = "on_" + label.strip("`").replace("-", "_")
            expected = SHARED.get((subject.name, label))
            assert (
                handlers == expected if expected else {one.rpartition(".")[2].lstrip("_") for one in handlers} == {name}
            )


@each_machine
def test_timers_call_actions(subject: Subject) -> None:
    timers = {label: by_state for label, by_state in table(subject).items() if label.startswith("timer")}
    assert timers
    assert {one.handler for by_state in timers.values() for found in by_state.values() for one in found} == {""}


@each_machine
def test_machines_dispatch_alike(subject: Subject) -> None:
    machine = type(subject.situations[0]().machine)
    assert {"_on_event", "_on_timer", "_on_message"} <= vars(machine).keys()
