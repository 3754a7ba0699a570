"""How many messages the simulation delivers per second, against a bare loop that moves the same bytes in the same run.

python benchmarks/simulation.py [--short] [--json]

Where mango-agents is installed (``make bench`` sees to it) its simulation moves the same messages as well. Exit code 1
if a bound is missed.
"""

import argparse
import heapq
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec
from figures import Figure, printed

from node.mechanism.valuation import Flat
from node.protocol.host import Host
from node.protocol.machine import Machine
from node.protocol.psp.buyer import Buyer
from node.protocol.psp.messages import ExchangeMessage
from node.protocol.psp.seller import Seller
from node.protocol.psp.timing import Timing
from node.protocol.topics import address
from node.protocol.wire.frames import VERSION, Envelope, encode_frames, encode_message
from node.runtime.sim.simulation import LinkModel, Simulation
from node.runtime.streams import stream
from node.strategy.psp.offer import HOLD, Decision, Need, Offer, Target
from node.strategy.psp.reserve import FixedReserve
from node.strategy.random import Random
from tests.protocol import codecs

NETWORK = LinkModel(delay_min_s=0.0005, delay_max_s=0.003)
TIMING = Timing(clearing_interval_s=0.05, quiet_period_s=1.0, retry_s=0.25)
SUPPLY_MB = 10.0
"""Per bidder: less than they want, so that every bid changes what the others get."""

MANGO_MESSAGES = 3_000


@dataclass(frozen=True)
class Shape:
    """A market of so many users; each buyer bids at ``pool`` sellers; every user is a host, or they share ``hosts``."""

    name: str
    sellers: int
    buyers: int
    pool: int
    hosts: int | None = None


EXCHANGE = Shape("exchange: 100 sellers, 900 buyers at 4 each", 100, 900, 4)
"""The shape of the shipped scenario exchange-1000."""

SHARED = replace(EXCHANGE, name="the same users on 4 hosts", hosts=4)
HALL = Shape("one seller, 999 buyers", 1, 999, 1)


@dataclass(slots=True)
class Restless:
    """The trivial strategy: whatever it hears, it bids a little more or less, until ``moves`` are used up."""

    moves: int
    price: float

    def think_time(self, participants: int, round_trip_s: float, random: Random) -> float:
        del participants, round_trip_s, random
        return 0.0

    def decide(self, now: float, need: Need, offers: Sequence[Offer]) -> Decision:
        del now, need
        if not self.moves:
            return HOLD
        self.moves -= 1
        return Decision([Target(15.0 + self.moves % 3, self.price) for _ in offers])


class TapedHost(Host):
    """A host that keeps a copy of what it receives, board posts as frames."""

    tape: list[bytes]

    def receive_frame(self, now: float, from_host: str, data: bytes) -> None:
        self.tape.append(data)
        super().receive_frame(now, from_host, data)

    def receive_post(self, now: float, poster: str, data: bytes) -> None:
        life, message = codecs.EXCHANGE.post(data)
        self.tape += encode_frames([Envelope(self.name, self.name, 0, encode_message(message))], life)
        super().receive_post(now, poster, data)


def hosts(shape: Shape, moves: int, kind: type[Host] = Host) -> list[Host]:
    """The market's nodes on their hosts."""
    nodes: defaultdict[str, dict[str, Machine]] = defaultdict(dict)
    sellers = []
    supply = SUPPLY_MB * shape.buyers * shape.pool / shape.sellers
    for k in range(shape.sellers):
        name = f"seller-{k}"
        host = f"host-{k % shape.hosts}" if shape.hosts else name
        nodes[host][name] = Seller(supply, FixedReserve(1.0), TIMING)
        sellers.append(address(host, name))
    for k in range(shape.buyers):
        name = f"buyer-{k}"
        host = f"host-{k % shape.hosts}" if shape.hosts else name
        nodes[host][name] = buyer(name, sellers, shape.pool, moves)
    return [kind(host, machines, codecs.EXCHANGE) for host, machines in nodes.items()]


def buyer(name: str, sellers: list[str], pool: int, moves: int) -> Buyer:
    """A buyer at so many sellers, drawn by its name."""
    draws = stream(1, name, "population")
    mine = [sellers[s] for s in draws.choice(len(sellers), pool, replace=False)]
    strategy = Restless(moves, price=float(draws.uniform(1.0, 5.0)))
    return Buyer(mine, Flat(100.0, 5.0), strategy, TIMING, stream(1, name, "thinking"))


def simulated(built: list[Host]) -> float:
    """Messages delivered per second of the processor, from the opening of the market until it is settled."""
    simulation = Simulation(built, NETWORK, seed=1, sink=lambda _: None)
    simulation.open_market()
    before = received(built)
    spent = seconds(lambda: simulation.run(until=1e9, most_events=10**9))
    assert simulation.settled
    return (received(built) - before) / spent


def received(built: list[Host]) -> int:
    """Messages and posts so far."""
    return sum(host.counters["received"] for host in built)


def taped(shape: Shape) -> list[bytes]:
    """Frames of a short run, in the order in which they came; without the opening and the settlement."""
    tape: list[bytes] = []
    TapedHost.tape = tape
    simulated(hosts(shape, 2, TapedHost))
    return tape[len(tape) // 3 : 2 * len(tape) // 3]


class Frame(msgspec.Struct, frozen=True, array_like=True):
    version: int
    life: bytes
    envelopes: list[Envelope]


def bare(tape: list[bytes], moves: int) -> float:
    """Messages per second through a heap, decoded and encoded as the protocol has it, with a random delay each."""
    encode = msgspec.msgpack.Encoder().encode
    decode_frame, decode = msgspec.msgpack.Decoder(Frame).decode, msgspec.msgpack.Decoder(ExchangeMessage).decode
    pop, push, draw = heapq.heappop, heapq.heappush, random.Random(1).random
    shortest, spread = NETWORK.delay_min_s, NETWORK.delay_max_s - NETWORK.delay_min_s
    heap: list[tuple[float, int, bytes]] = []

    def move() -> None:
        for order in range(len(tape), len(tape) + moves):
            now, _, data = pop(heap)
            frame = decode_frame(data)
            for envelope in frame.envelopes:
                message = decode(envelope.message)
                answer = Envelope(envelope.from_node, envelope.to_node, order, msgspec.Raw(encode(message)))
                push(heap, (now + shortest + spread * draw(), order, encode(Frame(VERSION, frame.life, [answer]))))

    for order, frame in enumerate(tape):
        push(heap, (draw(), order, frame))
    return moves / seconds(move)


def seconds(call: Callable[[], object]) -> float:
    """Processor time of the call: other work on the machine is not counted."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def ratio(shape: Shape, moves: int, pairs: int) -> list[Figure]:
    """Ours, and the bare loop with each message by itself."""
    tape = taped(replace(shape, hosts=None))
    ours, loop = [], []
    for _ in range(pairs):
        loop.append(bare(tape, 50_000))
        ours.append(simulated(hosts(shape, moves)))
    share = statistics.median(mine / its for mine, its in zip(ours, loop, strict=True))
    return [
        Figure(shape.name, statistics.median(ours), "messages/s"),
        Figure("  a bare loop with the same bytes", statistics.median(loop), "messages/s"),
        Figure("  share of the bare loop", share, "", least=0.2),
    ]


def against_mango(tape: list[bytes], ours: float) -> list[Figure]:
    """Its simulation moves the same messages between agents that only answer: no auction, no bytes."""
    try:
        from mango_peers import mango_simulation  # noqa: PLC0415 - an extra that may be missing
    except ImportError:
        print("mango-agents is not installed: its simulation is left out", file=sys.stderr)
        return []
    decoder = msgspec.msgpack.Decoder(Frame)
    contents = [
        msgspec.msgpack.decode(envelope.message) for data in tape for envelope in decoder.decode(data).envelopes
    ]
    rate = mango_simulation(contents, EXCHANGE.sellers + EXCHANGE.buyers, MANGO_MESSAGES, NETWORK)
    return [
        Figure("mango-agents, 1,000 agents, random delays", rate, "messages/s"),
        Figure("  ours over mango-agents", ours / rate, "x", least=20.0),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer repetitions of shorter runs")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    pairs = 3 if options.short else 5
    figures = ratio(EXCHANGE, moves=4 if options.short else 6, pairs=pairs)
    figures += ratio(SHARED, moves=4 if options.short else 6, pairs=pairs)
    figures += ratio(HALL, moves=2 if options.short else 4, pairs=pairs)
    figures += against_mango(taped(EXCHANGE), figures[0].measured)
    return printed(figures, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
