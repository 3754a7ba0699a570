"""What an error of the decoder says follows from the types of the file alone."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.protocol.topics import Name
from scenarios.errors import ScenarioError
from scenarios.files.explained import converted, faults
from scenarios.files.types import Table
from scenarios.files.wanted import wanted

KEYS = st.sampled_from(["fuel", "boilers", "waggons", "spare", "volts"])
VALUES = st.sampled_from(
    [1, 2.5, "coal", "wire", [], [1.0], ["x"], {}, {"kind": "steam", "boilers": [1]}, [{"seats": 2}]]
)


class Steam(Table, frozen=True, tag_field="kind", tag="steam"):
    boilers: Annotated[list[float], msgspec.Meta(min_length=1)]
    fuel: Literal["coal", "wood"] = "coal"


class Electric(Table, frozen=True, tag_field="kind", tag="electric"):
    fuel: Literal["wire", "battery"]


class Waggon(Table, frozen=True):
    seats: int
    gauge: Literal["narrow", "broad"] = "narrow"


class Train(Table, frozen=True):
    name: str
    engine: Steam | Electric | None = None
    spare: Annotated[Steam, msgspec.Meta(description="One that stands by.")] | None = None
    waggons: Annotated[list[Waggon], msgspec.Meta(max_length=9)] = msgspec.field(default_factory=list)


def said(**tables: Any) -> str:
    whole = {"name": "night", **tables}
    with pytest.raises(ScenarioError) as error:
        converted(whole, Train)
    return str(error.value)


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({"colour": 1}, "unknown key colour; allowed here: name, engine, spare, waggons"),
        (
            {"waggons": [{"seats": 1}, {"seats": 2, "bunks": 2}]},
            "unknown key waggons.1.bunks; allowed here: seats, gauge",
        ),
        ({"engine": {"kind": "electric", "fuel": "wire", "volts": 5}}, "unknown key engine.volts; allowed here: fuel"),
        (
            {"spare": {"kind": "steam", "boilers": [1], "volts": 5}},
            "unknown key spare.volts; allowed here: boilers, fuel",
        ),
        ({"engine": {"kind": "diesel"}}, "engine.kind = 'diesel': allowed are: electric, steam"),
        ({"spare": {"kind": "electric"}}, "spare.kind = 'electric': allowed are: steam"),
        ({"engine": {"kind": "electric", "fuel": "coal"}}, "engine.fuel = 'coal': allowed are: wire, battery"),
        ({"waggons": [{"seats": 1, "gauge": "wide"}]}, "waggons.0.gauge = 'wide': allowed are: narrow, broad"),
        ({"engine": {"kind": "steam", "boilers": ["one"]}}, "engine.boilers.0 = 'one': must be a number"),
        ({"engine": {}}, "engine lacks the key kind"),
        (
            {"engine": {"kind": "steam", "boilers": []}},
            "engine.boilers = []: must be a list of at least 1, each a number",
        ),
        ({"name": 3}, "name = 3: must be a text"),
        ({"engine": 3}, "engine = 3: must be a table with the key kind"),
        (
            {"engine": {"kind": "stream", "boilers": [1]}},
            "engine.kind = 'stream' (did you mean steam?): allowed are: electric, steam",
        ),
        ({"nane": "x"}, "unknown key nane (did you mean name?); allowed here: name, engine, spare, waggons"),
    ],
)
def test_error_names_the_key_the_value_and_what_the_types_allow(tables: dict[str, Any], text: str) -> None:
    assert said(**tables).replace("steam, electric", "electric, steam") == text


def test_all_errors_are_said_at_once_in_the_order_of_the_file() -> None:
    assert said(
        nme="x", waggons=[{"seets": 1}, {"seats": 1.5, "gauge": "brod"}], engine={"kind": "steam", "fuel": "wod"}
    ).split("\n") == [
        "unknown key nme (did you mean name?); allowed here: name, engine, spare, waggons",
        "unknown key waggons.0.seets (did you mean seats?); allowed here: seats, gauge",
        "waggons.0 lacks the key seats",
        "waggons.1.seats = 1.5: must be a whole number",
        "waggons.1.gauge = 'brod' (did you mean broad?): allowed are: narrow, broad",
        "engine.fuel = 'wod' (did you mean wood?): allowed are: coal, wood",
        "engine lacks the key boilers",
    ]


def test_of_very_many_errors_the_first_are_said_and_the_others_counted() -> None:
    lines = said(waggons=[{"seats": "one"}] * 123).split("\n")
    assert (len(lines), lines[-1]) == (21, "and 103 more of that kind")


@given(
    kinds=st.lists(st.sampled_from(["steam", "electric", "steem", 3]), min_size=1), extra=st.dictionaries(KEYS, VALUES)
)
def test_there_is_an_error_exactly_where_the_decoder_finds_one(kinds: list[Any], extra: dict[str, Any]) -> None:
    tables = {"name": "night", "engine": {"kind": kinds[0], **extra}, **extra}
    try:
        msgspec.convert(tables, Train)
    except msgspec.ValidationError:
        assert list(faults(tables, Train, ""))
    else:
        assert not list(faults(tables, Train, ""))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (float, "a number"),
        (Annotated[float, msgspec.Meta(ge=0.0, le=1e6)], "a number from 0 to 1,000,000"),
        (Annotated[float, msgspec.Meta(gt=0.0, le=0.5)], "a number above 0 and at most 0.5"),
        (Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)], "a number of at least 0 and below 1"),
        (Annotated[Annotated[int, msgspec.Meta(ge=1)], msgspec.Meta(title="n")], "a whole number of at least 1"),
        (Annotated[float, msgspec.Meta(ge=0.0)] | Waggon | None, "a number of at least 0 or a table"),
        (bool, "true or false"),
        (Name, "1 to 64 of the characters A-Z, a-z, 0-9, _ and -"),
        (list[tuple[float, Annotated[float, msgspec.Meta(ge=0.0)]]],
         "a list, each a list of 2: a number, then a number of at least 0"),
        (Literal["coal", "wood"] | Steam, "'coal' or 'wood' or a table with the key kind"),
    ],
)  # fmt: skip
def test_what_a_type_asks_for_is_said_in_words(kind: Any, words: str) -> None:
    assert wanted(kind) == words
