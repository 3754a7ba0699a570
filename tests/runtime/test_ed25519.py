import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.protocol.errors import RejectedError
from node.runtime.ed25519 import Ed25519Signing
from node.runtime.keys import Keys


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def private(seed: int) -> str:
    return encoded(bytes([seed]) * 32)


def public(seed: int) -> str:
    return encoded(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key().public_bytes_raw())


def signing(own: int, **known: int) -> Ed25519Signing:
    return Ed25519Signing(Keys(private(own), {host: public(seed) for host, seed in known.items()}))


def test_signature_is_ed25519() -> None:
    """RFC 8032, section 7.1, test 2."""
    key = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    signature = (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert Ed25519Signing(Keys(encoded(key), {})).sign(b"\x72").hex() == signature


def test_signature_is_good_for_its_host_and_data_only() -> None:
    signature = signing(1).sign(b"data")
    reader = signing(3, alice=1, bob=2)
    assert reader.verify("alice", b"data", signature)
    assert not reader.verify("bob", b"data", signature)
    assert not reader.verify("alice", b"date", signature)


def test_launcher_speaks_for_hosts_without_a_key_of_their_own() -> None:
    reader = signing(3, **{"alice": 1, "*": 2})
    signature = signing(2).sign(b"data")
    assert reader.verify("host-1", b"data", signature)
    assert not reader.verify("alice", b"data", signature)


def test_host_without_a_key_is_not_believed() -> None:
    with pytest.raises(RejectedError, match="no key for host"):
        signing(3, alice=1).verify("bob", b"data", bytes(64))


@pytest.mark.parametrize("key", ["", "AAAA", "not base64"])
def test_key_of_a_wrong_form_is_refused(key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - three libraries say it in their words
        Ed25519Signing(Keys(key, {}))
    with pytest.raises(ValueError):  # noqa: PT011
        Ed25519Signing(Keys(private(1), {"alice": key}))


def test_private_key_is_not_shown() -> None:
    assert private(1) not in repr(Keys(private(1), {"alice": public(1)}))
