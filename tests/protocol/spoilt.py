"""A host that is sent spoilt frames, and what it must make of them."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from node.protocol.host import Host
from tests.protocol.judge import verdicts
from tests.protocol.mutations import mutated
from tests.protocol.psp.bench import snapshot


class Spoilable:
    """A host, and envelopes of which a correct peer might send it one or the other."""

    host: Host

    @property
    def right(self) -> list[list[Any]]:
        raise NotImplementedError

    @property
    def state(self) -> Any:
        return snapshot({key: getattr(self.host, key) for key in Host.__slots__ if key != "counters"})

    @property
    def machines(self) -> Any:
        return snapshot(self.host.machines)

    def lets_time_pass(self) -> None:
        for _ in range(4):
            if (deadline := self.host.next_deadline) is not None:
                self.host.fire(deadline)
        self.host.frames()


def outcomes_of_spoilt_frames(fresh: Callable[[], Spoilable], random: Random, frames: int) -> Counter[str]:
    """Send it so many spoilt frames; what became of them, each being counted exactly and changing nothing."""
    target = fresh()
    right, untouched, machines = target.right, target.state, target.machines
    outcomes = Counter({"valid": 0, "invalid": 0, "dropped by a machine": 0})
    for _ in range(frames):
        data = mutated(random.sample(right, random.randint(1, 3)), random)
        expected = verdicts(data, set(target.host.machines))
        target.host.counters.clear()
        target.host.receive_frame(2.0, "peer", data)
        counted = +Counter(target.host.counters)
        valid = expected["received"]
        said_by_machines = sum(counted[key] for key in counted if key not in {*expected, "sent", "received", "posts"})
        assert {key: counted[key] for key in expected} == expected, data
        assert said_by_machines <= valid, data
        if not valid:
            assert target.state == untouched, data
        elif said_by_machines == valid and not counted["ignored: repeated profile"]:  # it may then owe one more hold
            assert target.machines == machines, data
        outcomes["valid" if valid else "invalid"] += 1
        outcomes["dropped by a machine"] += said_by_machines
        if valid:
            target.lets_time_pass()
            target = fresh()
    return outcomes
