"""What all commands share: exit codes, the two formats, and where errors go."""

import sys
from enum import StrEnum
from typing import Any

import msgspec
from rich.console import Console

SETTLED, BROKEN, USAGE, UNSETTLED, NO_BROKER, UNMET, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

errors = Console(stderr=True)


class Format(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


def flowing(text: str) -> str:
    """The text with one line per paragraph, which the terminal then breaks to its own width."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def write_json(value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Print the value as one line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
