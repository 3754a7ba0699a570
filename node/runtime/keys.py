import msgspec


class Keys(msgspec.Struct, frozen=True):
    """Ed25519 keys, each 32 bytes in base64: the own private one, and the public ones by host."""

    private_key: str
    public_keys: dict[str, str]

    def __repr__(self) -> str:
        return f"Keys(public_keys={self.public_keys!r})"
