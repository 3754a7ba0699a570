"""From keys to signatures, which need the extra ``security``."""

from collections.abc import Callable

from node.protocol.topics import Topics
from node.protocol.wire.seal import Seal
from node.runtime.keys import Keys
from scenarios.extras import needs

SealOf = Callable[[str], Seal | None]
"""What a host of this name signs with."""


def unsealed(host: str) -> None:
    """Nothing: frames are neither signed nor checked."""
    del host


def seal_of(topics: Topics, keys: Keys | None) -> SealOf:
    """How hosts sign in a market with these keys.

    Raises
    ------
    ScenarioError
        If there are keys, but the library that signs is not installed.
    """
    if keys is None:
        return unsealed
    needs("cryptography")
    from node.runtime.ed25519 import Ed25519Signing  # noqa: PLC0415 - with an extra alone

    signing = Ed25519Signing(keys)
    return lambda host: Seal(topics, host, signing)
