"""What all commands share: exit codes, the two formats, and where errors go."""

import sys
from enum import StrEnum
from typing import Any

import msgspec
from rich.console import Console

SETTLED, BROKEN, USAGE, UNSETTLED, NO_BROKER, INTERRUPTED = 0, 1, 2, 3, 4, 130

errors = Console(stderr=True)


class Format(StrEnum):
    """What is printed."""

    text = "text"
    json = "json"


def write_json(value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Print the value as one line of JSON."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
