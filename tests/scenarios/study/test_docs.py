"""docs/studies.md says what the studies print."""

import doctest
import re
from pathlib import Path

from scenarios.study import price_weight
from scenarios.study.equilibrium import CommonBids, PrivateBids
from scenarios.study.price_weight import price_weight_study
from scenarios.study.summary import Auction, Summary

PAGE = (Path(__file__).parents[3] / "docs" / "studies.md").read_text(encoding="utf-8")


def test_every_key_is_documented() -> None:
    rows = re.findall(r"^\|([^|]*)\|", PAGE, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    structs = (Summary, PrivateBids, CommonBids)
    assert {key for struct in structs for key in struct.__struct_fields__} - documented == set()
    assert all(f"`{key}`" in PAGE for key in Auction.__struct_fields__)


def test_python_example_runs() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    exec(compile(example, "studies.md", "exec"), {})


def test_figures_of_the_table_are_those_of_seed_0() -> None:
    found = price_weight_study(3, 10_000, 0)
    for name, key in (("mean intersection", "mean"), ("share at or below .25", "cdf_025")):
        row = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", PAGE, re.MULTILINE)
        assert row is not None
        for figures in (found.fixed, found.private):
            assert f"{figures.figures()[key]:.4f} ± {figures.standard_errors()[key]:.4f}" in row[1]


def test_example_in_the_docstring_runs() -> None:
    assert doctest.testmod(price_weight) == doctest.TestResults(failed=0, attempted=2)
