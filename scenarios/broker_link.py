"""From a profile to a connection and to signatures: brokers and nodes know nothing of each other."""

from collections.abc import Callable
from pathlib import Path

from broker import BrokerAddress, BrokerError, BrokerProfile, read_profile
from node.protocol.topics import Topics
from node.protocol.wire.frames import FLUSH_BYTES, MAX_FRAME_BYTES
from node.protocol.wire.seal import Seal
from node.runtime.keys import Keys
from node.runtime.mqtt.endpoint import Endpoint
from scenarios.extras import needs


def launcher_profile(path: Path) -> BrokerProfile:
    """The profile of a launcher; ``BrokerError`` if it cannot be read, or is somebody else's."""
    profile = read_profile(path)
    if profile.role != "launcher":
        raise BrokerError(
            f"profile {path} is for the role {profile.role}, and a run takes the launcher's: give that one, "
            "which bidswarm broker init wrote beside it"
        )
    return profile


def keys_of(profile: BrokerProfile) -> Keys | None:
    """The profile's keys for signing and checking frames; None if it has none."""
    return Keys(profile.signing.private_key, profile.signing.public_keys) if profile.signing else None


def endpoint_of(address: BrokerAddress) -> Endpoint:
    """The broker as nodes see it."""
    return Endpoint(address.host, address.port, address.username, address.password, tls=address.tls, ca=address.ca)


ROW_BYTES = 160
"""An envelope, or a row of a registry, with names as long as names may be."""


def largest_message(nodes: int) -> int:
    """Bytes of the largest message of a market of so many nodes.

    A frame is closed at ``FLUSH_BYTES`` of messages, each in an envelope; a profile or a registry alone may be larger,
    and has a row for each node.
    """
    return min(MAX_FRAME_BYTES, FLUSH_BYTES + ROW_BYTES * nodes)


SealOf = Callable[[str], Seal | None]
"""What a host of this name signs with."""


def unsealed(host: str) -> None:
    """No seal for any host: frames are neither signed nor checked."""
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
