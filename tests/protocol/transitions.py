"""Drives every machine into each of its states, gives it each message and event there, and prints what it does.

``python -m tests.protocol.transitions`` writes that into docs/protocol.md, section 5.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from node.protocol.machine import Dropped, Effect, Event, Message, Opened, PostOnBoard, Received, TimerFired
from tests.protocol.psp.bench import Bench, sent

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"
BEGIN, END = "<!-- written by python -m tests.protocol.transitions -->", "<!-- end of what is written -->"

HANDLER = re.compile(r"(\w+)\.(_?on_\w+)")
DISPATCHERS = {"_on_event", "_on_timer", "_on_message", "on_timer"}


@dataclass(frozen=True)
class Subject:
    """A machine to be driven.

    Attributes
    ----------
    states
        What each state means, by name.
    state
        The name of the state that the machine on a bench is in.
    situations
        They bring a machine into a state, each by a way of its own.
    said
        (sender, message) of every kind: in time, repeated, late, and such as only a faulty peer says.
    events
        What may happen to it besides, once it has started.
    peer
        If given, only what the machine says to this one is told.
    """

    name: str
    states: dict[str, str]
    state: Callable[[Bench], str]
    situations: list[Callable[[], Bench]]
    said: list[tuple[str, Message]]
    events: list[Event]
    peer: str | None = None


@dataclass(frozen=True, order=True)
class Outcome:
    """What a machine did: the handler that was called, and what came of it."""

    handler: str
    text: str


Table = dict[str, dict[str, set[Outcome]]]
"""By message or event, and by state: all that may come of it."""


ANY_OTHER = "any other message"


def table(subject: Subject, others: Iterable[Message] = ()) -> Table:
    """What a machine does with each message and event in each state, and with ``others`` of both markets."""
    found: Table = {}
    for situation in subject.situations:
        for label, event in _events(subject, situation(), others):
            bench = situation()
            before = subject.state(bench)
            found.setdefault(label, {}).setdefault(before, set()).add(_outcome(subject, bench, event))
    return found


def _events(subject: Subject, bench: Bench, others: Iterable[Message]) -> Iterator[tuple[str, Event]]:
    """All that may come, by the name of its row."""
    own = {tag(message) for _, message in subject.said}
    for sender, message in subject.said:
        yield f"`{tag(message)}`", Received(sender, message)
    for sender in sorted({sender for sender, _ in subject.said}):
        yield from ((ANY_OTHER, Received(sender, message)) for message in others if tag(message) not in own)
    for event in subject.events:
        if not (bench.is_market_open and isinstance(event, Opened)):
            yield type(event).__name__, event
    for name in sorted(bench.timers):
        yield f"timer `{name}`", TimerFired(name)


def tag(message: Message) -> str:
    """The name of a message on the wire."""
    return str(message.__struct_config__.tag)


def _outcome(subject: Subject, bench: Bench, event: Event) -> Outcome:
    before, state = subject.state(bench), bench.state
    if isinstance(event, TimerFired):
        bench.now = max(bench.now, bench.timers.pop(event.name))
    effects, called = watched(lambda: bench.step(event))
    after = subject.state(bench)
    moved = f"→ {after}" if after != before else ""
    said = [tag(message) for to, message in sent(effects) if subject.peer in {None, to}]
    return Outcome(handler(subject, called), _text(effects, said, moved, is_changed=bench.state != state))


def watched(step: Callable[[], list[Effect]]) -> tuple[list[Effect], list[str]]:
    """The effects of a step, and the qualified names of the Python functions that it called, in turn."""
    called: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            called.append(frame.f_code.co_qualname)

    profile = sys.getprofile()
    sys.setprofile(note)
    try:
        return step(), called
    finally:
        sys.setprofile(profile)


def handler(subject: Subject, called: list[str]) -> str:
    """The first of the called functions that is named a handler, and is not a dispatcher."""
    for owner, name in (match.groups() for match in map(HANDLER.fullmatch, called) if match):
        if name not in DISPATCHERS:
            return name if owner == subject.name else f"{owner}.{name}"
    return ""


def _text(effects: list[Effect], tags: list[str], moved: str, *, is_changed: bool) -> str:
    said = ", ".join(dict.fromkeys(f"`{one}`" for one in tags))
    drops = [f"{effect.verdict}: {effect.reason}" for effect in effects if isinstance(effect, Dropped)]
    if drops:
        return ", ".join([*drops, *([f"answered with {said}"] if said else []), *([moved] if moved else [])])
    posts = "posts" if any(isinstance(effect, PostOnBoard) for effect in effects) else ""
    parts = [part for part in (f"says {said}" if said else "", posts, moved) if part]
    return ", ".join(parts) or ("taken in" if is_changed or effects else "nothing")


# The page


def page_section(subjects: list[Subject]) -> str:
    """What docs/protocol.md says of all machines."""
    messages = list({tag(message): message for subject in subjects for _, message in subject.said}.values())
    return "\n\n".join("\n".join(_lines(subject, messages)) for subject in subjects)


def _lines(subject: Subject, messages: list[Message]) -> Iterator[str]:
    yield f"#### `{subject.name}`"
    yield ""
    yield "| state | meaning |"
    yield "|---|---|"
    for state, meaning in subject.states.items():
        yield f"| {state} | {meaning} |"
    yield ""
    yield "| what comes | handler | in state | what it does |"
    yield "|---|---|---|---|"
    for label, by_state in table(subject, messages).items():
        yield from _rows(subject, label, by_state)


def _rows(subject: Subject, label: str, by_state: dict[str, set[Outcome]]) -> Iterator[str]:
    """One row for the states in which the same may come of it."""
    handlers = " or ".join(sorted({f"`{one.handler}`" for found in by_state.values() for one in found if one.handler}))
    states_of: dict[str, list[str]] = {}
    for state in subject.states:
        if state in by_state:
            states_of.setdefault("; ".join(sorted({one.text for one in by_state[state]})), []).append(state)
    for texts, states in states_of.items():
        every = "any" if len(states) == len(subject.states) else ", ".join(states)
        yield f"| {label} | {handlers} | {every} | {texts} |"
        label = handlers = ""


def published() -> str:
    """What the page says at present."""
    return PAGE.read_text(encoding="utf-8").partition(f"{BEGIN}\n\n")[2].partition(f"\n\n{END}")[0]


def main() -> None:
    """Write the page anew."""
    from tests.protocol.subjects import SUBJECTS  # noqa: PLC0415 - they are described in terms of this module

    text = PAGE.read_text(encoding="utf-8")
    before, after = text.partition(f"{BEGIN}\n")[0], text.partition(f"\n{END}")[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{page_section(SUBJECTS)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
