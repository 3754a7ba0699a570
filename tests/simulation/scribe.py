"""Worlds that write down every message, and the golden files that their transcripts are compared with.

BIDSWARM_WRITE_TRANSCRIPTS=1 writes the files anew; read the difference before it is committed.
"""

import os
from pathlib import Path
from typing import Any

import msgpack

from node.protocol.host import Host
from node.runtime.sim.simulation import Simulation

TRANSCRIPTS = Path(__file__).parent / "testdata"


class Scribe(Simulation):
    """Writes down every message as it arrives, as any MessagePack library reads it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.lines: list[str] = []
        super().__init__(*arguments, **options)

    def say(self, text: str) -> None:
        """Write down what a test does to the world."""
        self.lines.append(f"{self.now:8.4f}  -- {text}")

    def write(self, of: str, to: str, message: list[Any]) -> None:
        self.lines.append(f"{self.now:8.4f}  {of} > {to}  {' '.join(map(plain, message))}")

    def deliver(self, receiver: Host, sender: str, frame: bytes) -> None:
        for to, of, _, message in msgpack.unpackb(frame)[2]:
            self.write(of, to, message)
        super().deliver(receiver, sender, frame)

    def deliver_post(self, reader: Host, poster: str, post: bytes) -> None:
        self.write(poster.partition("/")[2], reader.name, msgpack.unpackb(post)[2])
        super().deliver_post(reader, poster, post)


def plain(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(map(plain, value))}]"
    if isinstance(value, bytes):
        return value.hex()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def goes_as_written_down(scribe: Scribe, name: str) -> bool:
    """Whether the transcript is the one in the file of that name, to the letter."""
    text, path = "\n".join([*scribe.lines, ""]), TRANSCRIPTS / f"{name}.txt"
    if os.environ.get("BIDSWARM_WRITE_TRANSCRIPTS"):
        path.write_text(text, encoding="utf-8")
    return text == path.read_text(encoding="utf-8")
