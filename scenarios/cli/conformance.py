"""What ``bidswarm check --strategy`` and ``--mechanism`` do: try a part of the exchange by the laws for all of them."""

from collections.abc import Sequence

from scenarios.conformance import mechanisms, strategies
from scenarios.conformance.laws import Verdict
from scenarios.console import SETTLED, UNMET, Screen, log
from scenarios.files.code import Source


def strategy_tried(kind: str, settings: Sequence[str]) -> int:
    """Print the laws that a buyer strategy keeps and breaks; the exit code."""
    _name(strategies.code_of(kind), "strategy")
    return _printed(strategies.verdicts(strategies.strategy_of(kind, settings)))


def mechanism_tried(kind: str, settings: Sequence[str]) -> int:
    """Print the laws that a mechanism of auctions keeps and breaks; the exit code."""
    _name(mechanisms.code_of(kind), "mechanism")
    return _printed(mechanisms.mechanism_verdicts(mechanisms.mechanism_of(kind, settings)))


def _name(source: Source | None, what: str) -> None:
    """Say what code it is, before any of it is run."""
    if source:
        log.warning(f"this {what} is code: {source}")


def _printed(found: Sequence[Verdict]) -> int:
    screen = Screen()
    for one in found:
        screen.say(f"{'broken' if one.counterexample else 'held  '}  {one.law}: {one.text}")
        if one.counterexample:
            screen.say(f"        {one.counterexample}")
    return UNMET if any(one.counterexample for one in found) else SETTLED
