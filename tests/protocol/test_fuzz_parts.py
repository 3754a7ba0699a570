"""A slice of make fuzz; its first part is in test_fuzz.py and test_call_fuzz.py."""

from random import Random

import pytest

from tests.protocol.fuzz import SHARES, crowd, fuzzed, targets


@pytest.mark.parametrize("part", list(SHARES)[1:], ids=lambda part: part.__name__)
def test_hostile_input_finds_no_fault(part: object) -> None:
    assert sum(part(Random(1), 2_000)) == 2_000  # type: ignore[operator]


def test_every_part_gets_its_share_of_inputs() -> None:
    assert list(fuzzed(400, seed=1)) == [("machines", 200), ("crowd", 100), ("raw", 50), ("names", 50)]


def test_machines_of_both_markets_are_fuzzed() -> None:
    assert len(targets()) == 17


def test_growth_of_memory_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.protocol.fuzz.GROWTH_BYTES", 0)
    with pytest.raises(AssertionError, match="grew by"):
        sum(crowd(Random(1), 500))
