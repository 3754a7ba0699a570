"""Lines about a run of any market."""

from typing import Any

from scenarios.results.lines import hostile_lines
from scenarios.results.outcome import Summary


def summary(**said: dict[str, int]) -> Summary:
    figures: dict[str, Any] = {"scenario": "s", "seed": 0, "world": "mqtt", "broker": None, "nodes": 1}
    return Summary(**figures, status="settled", duration_s=1.0, messages=1, run_dir="", **said)


def test_hosts_that_said_what_no_correct_host_says_are_named_with_the_most_first() -> None:
    assert hostile_lines(summary()) == []
    (line,) = hostile_lines(summary(dropped_records={"b": 1, "a": 1, "c": 2_000}))
    assert "of c (2,000), a (1), b (1)" in line


def test_there_is_a_line_for_records_for_messages_and_for_what_was_not_read() -> None:
    lines = hostile_lines(summary(dropped_records={"a": 1}, rejected_from={"b": 2}, throttled={"c": 3}))
    assert [line.rpartition(": ")[2] for line in lines] == ["of a (1)[/]", "from b (2)[/]", "from c (3)[/]"]


def test_of_many_such_hosts_some_are_named() -> None:
    (line,) = hostile_lines(summary(rejected_from={f"h{k}": 100 - k for k in range(8)}))
    assert "h4 (96) and 3 more" in line
    assert "h5" not in line
