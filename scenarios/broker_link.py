"""From a profile to a connection: brokers and nodes know nothing of each other."""

from pathlib import Path

from broker import BrokerAddress, BrokerError, Profile, read_profile
from node.runtime.keys import Keys
from node.runtime.mqtt.endpoint import Endpoint


def launcher_profile(path: Path) -> Profile:
    """The profile of a launcher; ``BrokerError`` if it cannot be read, or is somebody else's."""
    profile = read_profile(path)
    if profile.role != "launcher":
        raise BrokerError(
            f"profile {path} is for the role {profile.role}, and a run takes the launcher's: give that one, "
            "which bidswarm broker init wrote beside it"
        )
    return profile


def keys_of(profile: Profile) -> Keys | None:
    """What to sign and check frames with; None where they are not signed."""
    return Keys(profile.signing.private_key, profile.signing.public_keys) if profile.signing else None


def endpoint_of(address: BrokerAddress) -> Endpoint:
    """The broker as nodes see it."""
    return Endpoint(address.host, address.port, address.username, address.password, tls=address.tls, ca=address.ca)
