"""The lives in which hosts are, in tests of the protocol."""

from hashlib import blake2b

from node.protocol.host import Lives


def life(host: str) -> bytes:
    return blake2b(host.encode(), digest_size=8).digest()


def lives(*hosts: str) -> Lives:
    return {host: life(host) for host in hosts}


ME, YOU = life("me"), life("you")
