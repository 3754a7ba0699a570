"""Signatures by the cryptography library, which the extra ``security`` brings."""

import base64
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from node.protocol.errors import RejectedError
from node.runtime.keys import Keys

OTHERS = "*"
"""Whose key speaks for every host without a key of its own: the launcher's."""


class Ed25519Signing:
    """Signs with one private key; checks with the public key of the host, or with that of ``OTHERS``.

    Raises
    ------
    ValueError
        If a key is not the base64 of 32 bytes.
    """

    def __init__(self, keys: Keys) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(_decoded(keys.private_key))
        self._public: Mapping[str, Ed25519PublicKey] = {
            host: Ed25519PublicKey.from_public_bytes(_decoded(key)) for host, key in keys.public_keys.items()
        }

    def sign(self, data: bytes) -> bytes:
        """The own signature of the data, 64 bytes."""
        return self._private.sign(data)

    def verify(self, host: str, data: bytes, signature: bytes) -> bool:
        """Whether the signature is that of the host; RejectedError if its key is not known."""
        key = self._public.get(host) or self._public.get(OTHERS)
        if key is None:
            raise RejectedError("no key for host")
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


def _decoded(key: str) -> bytes:
    return base64.b64decode(key, validate=True)
