"""A law, tried out on somebody's code: whether it is kept, and the counterexample where it is not."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec


class Law(msgspec.Struct, frozen=True):
    """Something that holds for every part of its kind; ``broken_by`` finds a case in which it does not, or None."""

    name: str
    text: str
    broken_by: Callable[[Any], str | None]


class Verdict(msgspec.Struct, frozen=True):
    """Whether a law is held, and the counterexample if it is broken."""

    law: str
    text: str
    counterexample: str | None


def tried(laws: Sequence[Law], part: object) -> list[Verdict]:
    """Every law, tried on this part."""
    return [Verdict(law.name, law.text, counterexample(law, part)) for law in laws]


def counterexample(law: Law, part: object) -> str | None:
    """The case in which the part, a strategy for example, breaks the law, in words; None if none was found.

    One that fails altogether breaks whichever law it is tried by.
    """
    try:
        return law.broken_by(part)
    except Exception as error:  # noqa: BLE001 - of somebody's code
        return f"it fails: {type(error).__name__}: {error}"


def first(cases: Iterator[str | None]) -> str | None:
    """The first counterexample."""
    return next((case for case in cases if case), None)
