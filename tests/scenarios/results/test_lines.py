"""Lines about a run of any market."""

from scenarios.results.lines import dropped_lines


def test_hosts_whose_records_did_not_count_are_named_with_the_most_first() -> None:
    assert dropped_lines({}) == []
    (line,) = dropped_lines({"b": 1, "a": 1, "c": 2_000})
    assert "of c (2,000), a (1), b (1)" in line


def test_of_many_such_hosts_some_are_named() -> None:
    (line,) = dropped_lines({f"h{k}": 100 - k for k in range(8)})
    assert "h4 (96) and 3 more" in line
    assert "h5" not in line
