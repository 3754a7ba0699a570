import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.runtime.streams import stream


def draws(seed: int, owner: str, purpose: str) -> list[float]:
    return stream(seed, owner, purpose).random(4).tolist()


@given(st.integers(0, 2**63), st.text(), st.text())
def test_same_stream_gives_same_numbers(seed: int, owner: str, purpose: str) -> None:
    assert draws(seed, owner, purpose) == draws(seed, owner, purpose)


@pytest.mark.parametrize(
    "other", [(2, "A", "thinking"), (1, "B", "thinking"), (1, "A", "population")], ids=["seed", "owner", "purpose"]
)
def test_streams_differ_by_seed_owner_and_purpose(other: tuple[int, str, str]) -> None:
    assert draws(1, "A", "thinking") != draws(*other)


def test_owner_and_purpose_do_not_run_together() -> None:
    assert draws(1, "ab", "c") != draws(1, "a", "bc")


def test_numbers_are_the_same_on_every_machine() -> None:
    assert draws(1, "A", "thinking") == [
        0.9228274688994839,
        0.20876781504380104,
        0.7579661788918882,
        0.9411652317258478,
    ]
