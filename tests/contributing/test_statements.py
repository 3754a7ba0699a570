"""docs/statements.md and the tests that are named after a statement of a paper are the same."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "statements.md").read_text(encoding="utf-8")
STATEMENT = re.compile(
    r"test_(ls_)?(eq|lemma|proposition|corollary|definition|conjecture|algorithm|table|section)_[ivx\d]"
)


def listed() -> list[str]:
    return re.findall(r"`(tests/[\w/]+\.py::test_\w+)`", PAGE)


def named() -> set[str]:
    """Every test whose name cites a statement."""
    found = set()
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        tests = re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {f"{path.relative_to(ROOT).as_posix()}::{name}" for name in tests if STATEMENT.match(name)}
    return found


def test_every_test_that_cites_a_statement_is_listed_once_and_exists() -> None:
    assert sorted(listed()) == sorted(named())


def test_every_row_says_what_is_true_of_the_statement() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.splitlines() if "::test_" in line]
    assert all(len(row) == 3 and row[1].strip() for row in rows)
