"""Feeds hostile input to everything that reads: python -m tests.protocol.fuzz [--inputs N] [--seed N], or make fuzz.

Frames spoilt at random to machines of both markets in every phase, which must be counted exactly and change nothing if
they are not right; a host that takes such frames from thousands of others, and may not grow; bytes to
the decoders; names to the topics; trace batches, presence, control, posts and frames, right and spoilt, to launchers
with their meters and figures, and to hosts as they are driven over MQTT. It stops at the first fault, whose seed it
has printed.
"""

import argparse
import contextlib
import re
import secrets
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import msgspec

from node.protocol.errors import RejectedError
from node.protocol.host import Host
from node.protocol.topics import NAME, Topics
from node.protocol.wire.frames import decode_frame, unsealed
from node.protocol.wire.limits import Limits, Throttle
from node.protocol.wire.presence import decode_presence
from tests.protocol.codecs import BOTH
from tests.protocol.dmp import test_fuzz as test_call_fuzz
from tests.protocol.listeners import heard
from tests.protocol.lives import ME
from tests.protocol.mutations import BYTES, mutated
from tests.protocol.psp import test_fuzz
from tests.protocol.spoilt import Spoilable, outcomes_of_spoilt_frames

CHUNK = 1_000
GROWTH_BYTES = 1024 * 1024
"""What the host of thousands may grow in the second half of its input."""

Fresh = Callable[[], Spoilable]

DECODERS: tuple[Callable[[bytes], object], ...] = (
    *(BOTH.post, unsealed, decode_presence),
    lambda data: decode_frame(data, ME),
    lambda data: BOTH.message(msgspec.Raw(data)),
)

TOPIC = re.compile(
    rf"bidswarm/v1/m/(inbox/{NAME}/{NAME}|board/{NAME}/{NAME}|presence/{NAME}|trace/{NAME}|control)", re.ASCII
)


def targets() -> dict[str, Fresh]:
    """A host of each kind of machine in each phase of its market."""
    exchange = {
        f"{strategy}, {phase}": lambda strategy=strategy, phase=phase: test_fuzz.Target(strategy, phase)
        for strategy in test_fuzz.STRATEGIES
        for phase in test_fuzz.PHASES
    }
    calls = {f"calls, {phase}": lambda phase=phase: test_call_fuzz.Target(phase) for phase in test_call_fuzz.PHASES}
    return {**exchange, **calls}


def machines(random: Random, inputs: int) -> Iterator[int]:
    """Spoilt frames to every target in turn."""
    found = list(targets().values())
    for k in range(0, inputs, CHUNK):
        count = min(CHUNK, inputs - k)
        outcomes_of_spoilt_frames(found[k // CHUNK % len(found)], random, count)
        yield count


def crowd(random: Random, inputs: int) -> Iterator[int]:
    """Spoilt frames from thousands of hosts to one host that is never made anew; its memory must stay bounded."""
    target = test_fuzz.Target("opt-out", "bidding")
    target.host._throttle = Throttle(Limits(senders=3))
    right, halfway = target.right, 0
    tracemalloc.start()
    for k in range(inputs):
        rows = [[to, f"{of}{random.randrange(100)}", *rest] for to, of, *rest in random.sample(right, 2)]
        target.host.receive_frame(k * 1e-3, f"h{random.randrange(3_000)}", mutated(rows, random))
        silence(target.host, k * 1e-3)
        if k == inputs // 2:
            halfway = tracemalloc.get_traced_memory()[0]
        yield 1
    grown = tracemalloc.get_traced_memory()[0] - halfway
    tracemalloc.stop()
    assert grown < GROWTH_BYTES, f"it grew by {grown} bytes"
    assert len(target.host.counters) < 200


def silence(host: Host, now: float) -> None:
    """Let time pass, and take out what the host has to say."""
    host.fire(now)
    host.frames()
    host.posts()
    host.records()


def raw(random: Random, inputs: int) -> Iterator[int]:
    """Bytes of any kind to the decoders."""
    right = test_fuzz.Target("opt-out", "bidding").right
    for _ in range(inputs):
        data = random.randbytes(random.randrange(60))
        if random.random() < 0.7:
            data = random.choice(BYTES)(mutated(random.sample(right, 1), random) or b"\xc1", random)
        for decode in DECODERS:
            with contextlib.suppress(RejectedError):
                decode(data)
        yield 1


def names(random: Random, inputs: int) -> Iterator[int]:
    """Topics right and wrong; the pattern is the second opinion."""
    topics = Topics("m")
    parts = ["bidswarm", "v1", "m", "inbox", "board", "presence", "trace", "control", "a", "b-1", "ä", "", "+", "#"]
    for _ in range(inputs):
        words = ["bidswarm", "v1", "m", *random.choices(parts[3:], k=random.randint(1, 4))]
        if random.random() < 0.2:
            words[random.randrange(len(words))] = random.choice([*parts, "x" * 65, "a\n", "a\0", "a b"])
        topic = "/".join(words)
        try:
            topics.parse(topic)
        except RejectedError:
            assert not TOPIC.fullmatch(topic), repr(topic)
        else:
            assert TOPIC.fullmatch(topic), repr(topic)
        yield 1


def topics(random: Random, inputs: int) -> Iterator[int]:
    """Messages of all topics to all that listens; every result is made in the end."""
    for k in range(0, inputs, CHUNK):
        count = min(CHUNK, inputs - k)
        heard(random, count)
        yield count


SHARES = {machines: 0.25, crowd: 0.125, raw: 0.0625, names: 0.0625, topics: 0.5}
"""Of all inputs, by part."""


def fuzzed(inputs: int, seed: int) -> Iterator[tuple[str, int]]:
    """Give every part its share of so many inputs; (part, inputs so far) now and then, and an error at a fault."""
    for part, share in SHARES.items():
        done, inputs_of_part = 0, int(share * inputs)
        for count in part(Random(f"{seed} {part.__name__}"), inputs_of_part):
            done += count
            if done % (10 * CHUNK) == 0 or done == inputs_of_part:
                yield part.__name__, done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    done, begin = Counter[str](), time.monotonic()
    for part, so_far in fuzzed(options.inputs, options.seed):
        done[part] = so_far
        print(f"{sum(done.values()):>9,} inputs, {time.monotonic() - begin:6.1f} s, {part}", flush=True)
    print(f"no fault in {sum(done.values()):,} inputs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
