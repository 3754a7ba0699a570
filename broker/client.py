import logging
import socket
import ssl
from uuid import uuid4

import aiomqtt

from broker.address import BrokerAddress

TIMEOUT_S = 5.0
"""Seconds for one answer of a broker, which takes milliseconds on a good day."""


def mqtt_client(address: BrokerAddress) -> aiomqtt.Client:
    """A client for the broker, not yet connected (docs/protocol.md, section 7: without TCP_NODELAY QoS 1 crawls)."""
    return aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        logger=_silent_logger(),
        identifier=f"bidswarm-{uuid4().hex[:12]}",
        timeout=TIMEOUT_S,
        tls_context=tls_context(address),
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


def _silent_logger() -> logging.Logger:
    """For a client whose errors are all raised, and would otherwise be told twice."""
    logger = logging.getLogger("bidswarm.broker")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


def tls_context(address: BrokerAddress) -> ssl.SSLContext | None:
    """What TLS to the broker takes, its certificate and its name checked; ``None`` for an address without TLS."""
    return ssl.create_default_context(cadata=address.ca) if address.tls else None
