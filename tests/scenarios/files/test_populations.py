from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenarios.errors import ScenarioError
from scenarios.markets.load import load, with_populations
from scenarios.markets.psp.market import Market, draw
from scenarios.markets.psp.schema import Buyers, FlatValuation, Scenario, Sellers

SELLERS = """
name = "small"
[[sellers]]
name = "first"
supply_mb = 1
[[sellers]]
file = "{file}"
{more}
[[buyers]]
name = "buyer"
valuation = {{ kind = "flat", demand_mb = 5, value_per_mb = 1.0 }}
"""
BUYERS = """
name = "small"
[[sellers]]
name = "s"
count = 3
supply_mb = 5
[[buyers]]
file = "{file}"
{more}
"""
FLAT = 'valuation = { kind = "flat", value_per_mb = 1.5 }'

Drawer = Callable[..., Market]


@pytest.fixture
def drawn(tmp_path: Path) -> Drawer:
    """Draws a market whose sellers or buyers come from a file of this content."""

    def of(scenario: str, content: str | dict[str, list[Any]], more: str = "", name: str = "users") -> Market:
        if isinstance(content, str):
            file = f"{name}.csv" if "." not in name else name
            (tmp_path / file).write_text(content, encoding="utf-8")
        else:
            file = f"{name}.parquet"
            pq.write_table(pa.table(content), tmp_path / file)
        path = tmp_path / "small.toml"
        path.write_text(scenario.format(file=file, more=more), encoding="utf-8")
        return draw(load(str(path)), seed=1)

    return of


def fault(drawn: Drawer, *arguments: Any, **options: Any) -> str:
    with pytest.raises(ScenarioError) as error:
        drawn(*arguments, **options)
    return str(error.value)


def test_every_row_of_a_csv_file_is_a_seller(drawn: Drawer) -> None:
    market = drawn(SELLERS, "name,supply_mb,reserve_price_per_mb\na,10,1\nb,20,2\n")
    assert [(seller.name, seller.supply_mb, seller.reserve_price_per_mb) for seller in market.sellers[1:]] == [
        ("a", 10.0, 1.0),
        ("b", 20.0, 2.0),
    ]


def test_every_row_of_a_parquet_file_is_a_seller(drawn: Drawer) -> None:
    market = drawn(SELLERS, {"name": ["a", "b"], "supply_mb": [10, 20]})
    assert [(seller.name, seller.supply_mb) for seller in market.sellers[1:]] == [("a", 10.0), ("b", 20.0)]


def test_every_row_is_a_buyer_and_other_columns_are_its_valuation(drawn: Drawer) -> None:
    csv = "name,sellers,budget_money,kind,demand_mb,value_per_mb,choke_price_per_mb\n"
    market = drawn(BUYERS, csv + "a,s-1 s-3,9,flat,10,1,\nb,,,parabolic,20,,2\n")
    a, b = market.buyers
    assert (a.name, a.pool, a.budget_money) == ("a", ["s-1", "s-3"], 9.0)
    assert (b.name, b.pool, b.budget_money) == ("b", ["s-1", "s-2", "s-3"], None)
    assert [type(buyer.valuation).__name__ for buyer in (a, b)] == ["FlatValuation", "ParabolicValuation"]


def test_parquet_buyers_may_list_their_sellers(drawn: Drawer) -> None:
    market = drawn(BUYERS, {"name": ["a"], "sellers": [["s-1", "s-2"]], "demand_mb": [4.0]}, FLAT)
    assert market.buyers[0].pool == ["s-1", "s-2"]


def test_columns_stand_over_the_keys_of_the_table(drawn: Drawer) -> None:
    market = drawn(BUYERS, "demand_mb,value_per_mb\n10,\n20,7\n", FLAT)
    assert [buyer.valuation.value_per_mb for buyer in market.buyers] == [1.5, 7.0]  # type: ignore[union-attr]


def test_rows_without_name_are_numbered(drawn: Drawer) -> None:
    assert [seller.name for seller in drawn(SELLERS, "supply_mb\n1\n2\n", 'name = "late"').sellers[1:]] == [
        "late-1",
        "late-2",
    ]


def test_rows_of_an_unnamed_table_are_called_after_their_kind(drawn: Drawer) -> None:
    assert [seller.name for seller in drawn(SELLERS, "supply_mb\n1\n").sellers[1:]] == ["seller-1"]


@pytest.mark.parametrize(
    "content", ["name,supply_mb\n7,1\n", {"name": [7], "supply_mb": [1.0]}], ids=["csv", "parquet"]
)
def test_names_may_look_like_numbers(drawn: Drawer, content: Any) -> None:
    assert drawn(SELLERS, content).sellers[1].name == "7"


def test_byte_order_mark_of_a_spreadsheet_does_no_harm(drawn: Drawer) -> None:
    assert drawn(SELLERS, "\ufeffname,supply_mb\na,1\n").sellers[1].name == "a"


# Faults name the file and the row


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,supply_mb\na,10\nb,ten\n", "users.csv, row 2: supply_mb = 'ten': must be a number"),
        ("name,supply_mb\na,10\nb,-1\n", "users.csv, row 2: supply_mb = -1.0: must be a number from 0"),
        ("name,supply_mb\na,nan\n", "users.csv, row 1: supply_mb = nan: must be a number from 0"),
        ("name,supply_mb\na,10\nb,\n", "users.csv, row 2 lacks the key supply_mb"),
        ("name,supply_mb\na,10\nb\n", "users.csv, row 2: "),
        ("name,supply_mb\na,10,3\n", "users.csv, row 1: "),
        ("name,supply_mb\na b,10\n", "users.csv, row 1: name = 'a b': must be 1 to 64 of"),
        ("name,supply_mb,colour\na,10,red\n", "users.csv: unknown column colour; allowed: name, reserve_price_per_mb"),
        ("name,supply_mb\n", "users.csv: no rows"),
        ("", "users.csv: no rows"),
        ('name,supply_mb\n"a,10\n', "users.csv: unexpected end of data"),
        ({"name": ["a", "b"], "supply_mb": [1.0, None]}, "users.parquet, row 2 lacks the key supply_mb"),
        ({"name": ["a", "b"], "supply_mb": [1.0, float("nan")]}, "users.parquet, row 2: supply_mb = nan"),
        ({"name": ["a"], "supply_mb": ["much"]}, "users.parquet, row 1: supply_mb = 'much'"),
    ],
    ids=str,
)
def test_fault_of_a_population_names_file_and_row(drawn: Drawer, content: Any, said: str) -> None:
    assert said in fault(drawn, SELLERS, content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "name,sellers,demand_mb\na,s-1,1\nb,s-1 s-9,10\n",
            "users.csv, row 2: sellers = 's-9': there is no such seller",
        ),
        ("name,demand_mb,worth\na,10,1\n", "row 1: unknown key valuation.worth; allowed here: demand_mb, value_per_mb"),
        ("name,demand_mb\na,\n", "users.csv, row 1: valuation lacks the key demand_mb"),
        ("name,demand_mb\na,1\nb,0\n", "buyer 'b': valuation: demand_mb must be finite and above 0, got 0.0"),
        ("name,demand_mb\na,1\na,1\n", "the name 'a' is given twice"),
    ],
)
def test_fault_of_a_buyer_names_row_or_name(drawn: Drawer, content: str, said: str) -> None:
    assert said in fault(drawn, BUYERS, content, FLAT)


def test_valuation_that_is_no_table_is_named(drawn: Drawer) -> None:
    assert "row 1: valuation = 3: must be a table" in fault(drawn, BUYERS, "demand_mb\n1\n", "valuation = 3")


def test_fault_of_a_table_after_a_population_names_the_table_of_the_scenario(drawn: Drawer) -> None:
    more = "[[sellers]]\nname = 'last'\nsupply_mb = -1"
    assert "small.toml:10: sellers.2.supply_mb = -1: " in fault(drawn, SELLERS, "name,supply_mb\na,1\nb,1\nc,1\n", more)


def test_file_and_count_exclude_each_other(drawn: Drawer) -> None:
    said = fault(drawn, SELLERS, "supply_mb\n1\n", "count = 3")
    assert said == "sellers: count = 3 beside file = 'users.csv': give one of them"


def test_file_of_another_kind_is_named(drawn: Drawer) -> None:
    assert "users.txt: a population file is a .csv or a .parquet file" in fault(drawn, SELLERS, "x", name="users.txt")


def test_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SELLERS.format(file="nowhere.csv", more=""), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"cannot read the population .*nowhere\.csv"):
        load(str(path))


def test_file_that_is_no_parquet_is_named(drawn: Drawer) -> None:
    assert "cannot read the population" in fault(drawn, SELLERS, "name", name="users.parquet")


def test_csv_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_bytes(b"name,supply_mb\n\xff,1\n")
    path = tmp_path / "small.toml"
    path.write_text(SELLERS.format(file="users.csv", more=""), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"cannot read the population .*users\.csv"):
        load(str(path))


@pytest.mark.parametrize("sellers", ["3", "[3]", "{}"])
def test_sellers_that_are_no_tables_are_a_fault_not_a_crash(tmp_path: Path, sellers: str) -> None:
    path = tmp_path / "small.toml"
    path.write_text(f'name = "small"\nsellers = {sellers}\nbuyers = []\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"small\.toml:2: sellers"):
        load(str(path))


def test_scenario_made_in_a_program_finds_its_files_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users.csv").write_text("name,supply_mb\na,10\nb,20\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    valuation = FlatValuation(demand_mb=5.0, value_per_mb=1.0)
    scenario = Scenario(
        name="made", sellers=[Sellers(file="users.csv", supply_mb=1.0)], buyers=[Buyers(valuation=valuation)]
    )
    assert [seller.supply_mb for seller in with_populations(scenario).sellers] == [10.0, 20.0]


def test_scenario_without_files_is_left_as_it_is() -> None:
    scenario = load("two-sellers")
    assert with_populations(scenario) is scenario
