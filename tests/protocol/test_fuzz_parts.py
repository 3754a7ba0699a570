"""A slice of make fuzz; its first part is in test_fuzz.py and test_call_fuzz.py."""

from pathlib import Path
from random import Random

import pytest

from tests.protocol.fuzz import SHARES, crowd, fuzzed, targets
from tests.protocol.listeners import Listeners


@pytest.mark.parametrize("part", list(SHARES)[1:], ids=lambda part: part.__name__)
def test_hostile_input_finds_no_fault(part: object) -> None:
    assert sum(part(Random(1), 2_000)) == 2_000  # type: ignore[operator]


def test_every_part_gets_its_share_of_inputs() -> None:
    assert list(fuzzed(400, seed=1)) == [("machines", 100), ("crowd", 50), ("raw", 25), ("names", 25), ("topics", 200)]


def test_listeners_hear_right_and_wrong_alike(tmp_path: Path) -> None:
    listeners, random = Listeners(tmp_path), Random(1)
    for _ in range(1_000):
        listeners.hear(random)
    for launcher in listeners.launchers:
        assert len(launcher.meter.told) > 10
        assert min(launcher.observer._filter.dropped[host] for host in ("host-1", "host-2")) > 10
        assert launcher.observer._ready
    for target in listeners.hosts:
        counters = target.host.counters
        assert counters["received"] > 20
        assert sum(counters[name] for name in counters if name.startswith("rejected")) > 20
    assert all(driver.is_open for driver in listeners.drivers)
    listeners.end()


def test_machines_of_both_markets_are_fuzzed() -> None:
    assert len(targets()) == 17


def test_growth_of_memory_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.protocol.fuzz.GROWTH_BYTES", 0)
    with pytest.raises(AssertionError, match="grew by"):
        sum(crowd(Random(1), 500))
