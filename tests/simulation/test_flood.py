"""A host that floods the others harms only itself."""

from collections import Counter
from random import Random

import msgpack
import pytest

from node.protocol.host import Host
from node.protocol.machine import Machine
from node.protocol.wire.limits import Limits, Throttle
from tests.protocol.codecs import EXCHANGE
from tests.simulation.world import World, world

FRAMES = 5_000
LIMITS = Limits(messages_per_s=200.0, messages_burst=200.0, senders=3)


class Flooded(World):
    """The paper's example, whose hosts all have limits, and a stranger who sends both sellers what it can for 5 s."""

    def __init__(self, seed: int) -> None:
        super().__init__(world("two-sellers", seed).market)
        self.flooder = Host("flooder", dict[str, Machine](), EXCHANGE)
        self.random = Random(seed)
        self.sent: Counter[str] = Counter()
        for host in self.hosts.values():
            host._throttle = Throttle(LIMITS)

    def floods(self) -> None:
        for k in range(FRAMES):
            self.at(self.now + k * 1e-3, self.send, self.flooder, "12"[k % 2], self._frame("12"[k % 2], k))

    def _frame(self, to: str, k: int) -> bytes:
        """Garbage, bids at no price from ever new nodes, the same ones again, and words about other people's awards."""
        sender, seq = f"n{self.random.randrange(1000)}", self.random.randrange(5)
        message = self.random.choice(
            [["bid", 0, 0, 1e12, 0.0, seq], ["withdraw", 0, 0, seq], ["accept", 0, 0, seq], ["hold", 0, 1, seq, True]]
        )
        if k % 3 == 0:
            return self.random.randbytes(40)
        return bytes(msgpack.packb([1, self.lives[to], [[to, sender, k, message]]]))

    def counted(self, verdict: str) -> int:
        return sum(
            count for host in self.hosts.values() for key, count in host.counters.items() if key.startswith(verdict)
        )


def bought(market: World) -> dict[str, float]:
    return {buyer: market.bought(buyer) for buyer in "ABCDE"}


@pytest.mark.parametrize("seed", range(5))
def test_flooded_market_settles_with_the_result_of_a_quiet_one(seed: int) -> None:
    market = Flooded(seed)
    market.open_market()
    market.floods()
    assert market.goes_on()
    market.check_books()
    assert bought(market) == pytest.approx({"A": 50.0, "B": 40.0, "C": 26.0, "D": 20.0, "E": 14.0})
    assert market.counted("throttled: flooder") > FRAMES // 2
    assert market.counted("throttled") == market.counted("throttled: flooder")


def test_flooder_may_have_only_so_many_bidders_in_a_book() -> None:
    market = Flooded(1)
    market.open_market()
    market.floods()
    market.run(market.now + 1.0, 100_000)
    for seller in market.sellers.values():
        assert 0 < sum(buyer.startswith("flooder/") for buyer in seller._newest_seq) <= LIMITS.senders
