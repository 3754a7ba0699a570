"""Whether a broker carries a large message and a burst, tried on real ones."""

from collections.abc import Sequence

import pytest

from broker import BrokerError, RunningBroker, load
from broker.load import BURST, check_load

MIB = 1024 * 1024


class Scripted:
    """A trial that ends as it is told."""

    where = "broker.lab:1883"
    arrived = frozenset({b"a", b"b"})

    def __init__(self, ending: int | Exception) -> None:
        self._ending = ending

    async def lacking_on_board(self, posts: Sequence[bytes]) -> int:
        return await self.lacking(posts)

    async def lacking(self, messages: Sequence[bytes]) -> int:
        assert len(set(messages)) == len(messages)
        if isinstance(self._ending, int):
            return self._ending
        raise self._ending


@pytest.mark.asyncio
async def test_brokers_started_here_carry_the_largest_frame_and_a_burst(broker: RunningBroker) -> None:
    assert await check_load(broker.address, MIB, posts=1_500) > 0.0


@pytest.mark.asyncio
async def test_the_embedded_broker_does_not_carry_more_than_its_limit() -> None:
    from broker import open_broker  # noqa: PLC0415

    async with open_broker("embedded") as running:
        with pytest.raises(BrokerError, match="cuts off who sends a message of 2,097,153 bytes"):
            await check_load(running.address, 2 * MIB + 1)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (1, "drops messages of 1,000 bytes and does not say so: on Mosquitto raise message_size_limit in its "),
        (
            load._CutOffError(),
            "cuts off who sends a message of 1,000 bytes: on Mosquitto raise max_packet_size in its ",
        ),
        (TimeoutError(), "has not delivered a message of 1,000 bytes within 30 s: find a better network or a less "),
    ],
)
async def test_what_becomes_of_a_large_message_is_told_apart(ending: int | Exception, said: str) -> None:
    with pytest.raises(BrokerError) as caught:
        await load._require_large(Scripted(ending), 1_000)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"broker.lab:1883 {said}")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (7, f"drops 7 of {BURST} messages that are sent at once: on Mosquitto raise max_queued_messages in its "),
        (
            load._CutOffError(),
            f"cuts off who sends {BURST} messages of 500 bytes at once: raise its limit for the rate ",
        ),
        (TimeoutError(), f"has delivered 2 of {BURST} messages that were sent at once within 30 s: find a better "),
    ],
)
async def test_what_becomes_of_a_burst_is_told_apart(ending: int | Exception, said: str) -> None:
    with pytest.raises(BrokerError) as caught:
        await load._require_burst(Scripted(ending))  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"broker.lab:1883 {said}")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (7, "drops 7 of 900 retained messages, as many as this market has: a host that comes later would not see all"),
        (load._CutOffError(), "cuts off who retains 900 messages at once: raise its limits for a client"),
        (TimeoutError(), "has delivered 2 of 900 retained messages within 30 s: find a better network"),
    ],
)
async def test_what_becomes_of_many_posts_is_told_apart(ending: int | Exception, said: str) -> None:
    with pytest.raises(BrokerError) as caught:
        await load._require_board(Scripted(ending), 900)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"broker.lab:1883 {said}")


@pytest.mark.asyncio
async def test_who_waits_too_long_is_told_so(broker: RunningBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PATIENCE_S", 0.0)
    with pytest.raises(BrokerError, match=r"has not delivered a message of 1,048,576 bytes within 0 s"):
        await check_load(broker.address, MIB)
