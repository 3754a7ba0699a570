"""Starts an MQTT broker, or checks one that is running already; brokers and nodes meet at host:port only."""

from broker.address import BrokerAddress, without_secret
from broker.errors import BrokerError
from broker.local.running_broker import RunningBroker
from broker.open import open_broker, require_broker
from broker.profile import BrokerProfile, read_profile, write_profile

__all__ = [
    "BrokerAddress",
    "BrokerError",
    "BrokerProfile",
    "RunningBroker",
    "open_broker",
    "read_profile",
    "require_broker",
    "without_secret",
    "write_profile",
]
