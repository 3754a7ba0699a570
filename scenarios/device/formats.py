from enum import StrEnum


class LogFormat(StrEnum):
    """How a node says what it does."""

    text = "text"
    json = "json"
