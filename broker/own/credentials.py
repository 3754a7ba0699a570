"""Logins and signing keys of a broker's users."""

import base64
import hashlib
import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PASSWORD_BYTES = 24
SALT_BYTES, HASH_BYTES, ITERATIONS = 12, 64, 101
"""What Mosquitto 2.0 writes itself; more iterations would slow its one thread, and a random password needs none."""


def new_password() -> str:
    """A password of 192 random bits."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def password_line(name: str, password: str) -> str:
    """A line of Mosquitto's password file: PBKDF2 with SHA-512 (its format ``$7$``)."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS, HASH_BYTES)
    return f"{name}:$7${ITERATIONS}${_base64(salt)}${_base64(digest)}"


def new_signing_key() -> str:
    """A private Ed25519 key: its 32 bytes in base64."""
    return _base64(Ed25519PrivateKey.generate().private_bytes_raw())


def public_key(private_key: str) -> str:
    """The public Ed25519 key that belongs to a private one, both 32 bytes in base64."""
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private_key))
    return _base64(key.public_key().public_bytes_raw())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
