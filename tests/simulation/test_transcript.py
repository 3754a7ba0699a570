"""A golden transcript: every message of the paper's example with one seed, to be read and to be kept.

BIDSWARM_WRITE_TRANSCRIPTS=1 writes it anew; read the difference before it is committed.
"""

import os
from pathlib import Path
from typing import Any

import msgpack

from node.protocol.host import Host
from tests.simulation.world import World, world

TRANSCRIPT = Path(__file__).parent / "testdata" / "two-sellers.txt"


class Scribe(World):
    """Writes down every message as it arrives, as any MessagePack library reads it."""

    def __init__(self, market: Any) -> None:
        super().__init__(market)
        self.lines: list[str] = []

    def write(self, of: str, to: str, message: list[Any]) -> None:
        self.lines.append(f"{self.now:8.4f}  {of} > {to}  {' '.join(map(plain, message))}")

    def deliver(self, receiver: Host, sender: str, frame: bytes) -> None:
        for to, of, _, message in msgpack.unpackb(frame)[1]:
            self.write(of, to, message)
        super().deliver(receiver, sender, frame)

    def deliver_post(self, reader: Host, poster: str, post: bytes) -> None:
        self.write(poster.partition("/")[2], reader.name, msgpack.unpackb(post)[1])
        super().deliver_post(reader, poster, post)


def plain(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(map(plain, value))}]"
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def test_the_papers_example_goes_as_written_down() -> None:
    scribe = Scribe(world("two-sellers", 1).market)
    assert scribe.settles()
    text = "\n".join([*scribe.lines, ""])
    if os.environ.get("BIDSWARM_WRITE_TRANSCRIPTS"):
        TRANSCRIPT.parent.mkdir(exist_ok=True)
        TRANSCRIPT.write_text(text, encoding="utf-8")
    assert text == TRANSCRIPT.read_text(encoding="utf-8")
