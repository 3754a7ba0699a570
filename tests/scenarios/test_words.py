from hypothesis import given
from hypothesis import strategies as st

from scenarios.words import counted, naturally


def test_one_is_no_plural() -> None:
    assert [counted(n, "buyer") for n in (0, 1, 2, 1000)] == ["0 buyers", "1 buyer", "2 buyers", "1,000 buyers"]
    assert [counted(n, "reply", "replies") for n in (1, 2)] == ["1 reply", "2 replies"]


def test_numbers_in_names_are_in_order() -> None:
    assert naturally(["buyer-20", "buyer-3", "buyer-2", "b", "buyer-3b", "7", "10"]) == (
        ["7", "10", "b", "buyer-2", "buyer-3", "buyer-3b", "buyer-20"]
    )


@given(st.lists(st.text("ab-019", max_size=6)), st.randoms())
def test_any_names_have_one_order(names: list[str], random: object) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sorted(naturally(names)) == sorted(names)
    assert [name for name in naturally(names) if name.isdigit()] == sorted(
        (name for name in naturally(shuffled) if name.isdigit()),
        key=lambda name: (int(name), naturally(names).index(name)),
    )
