"""Names on a broker, which knows no node: they repeat ``node.protocol.topics``, and a test holds the two equal."""

import re

ROOT = "bidswarm/v1"
"""Where all topics begin."""

NAME = r"[A-Za-z0-9_-]{1,64}"
"""What a market, a host and a node may be called."""

NAME_IN_WORDS = "1 to 64 of the characters A-Z, a-z, 0-9, _ and -"


def is_name(text: str) -> bool:
    """Whether a host may be called so (docs/protocol.md, section 1)."""
    return re.fullmatch(NAME, text) is not None
