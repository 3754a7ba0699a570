"""What an error of the decoder says follows from the types of the file alone."""

from typing import Annotated, Any, Literal

import msgspec
import pytest

from scenarios.files.explained import explained
from scenarios.files.types import Table


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
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(whole, Train)
    return explained(str(error.value), whole, Train)


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({"colour": 1}, "unknown key colour; allowed here: name, engine, spare, waggons"),
        ({"waggons": [{"seats": 1}, {"bunks": 2}]}, "unknown key waggons.1.bunks; allowed here: seats, gauge"),
        ({"engine": {"kind": "electric", "volts": 5}}, "unknown key engine.volts; allowed here: fuel"),
        ({"spare": {"kind": "steam", "volts": 5}}, "unknown key spare.volts; allowed here: boilers, fuel"),
        ({"engine": {"kind": "diesel"}}, "engine.kind = 'diesel': allowed are: electric, steam"),
        ({"spare": {"kind": "electric"}}, "spare.kind = 'electric': allowed are: steam"),
        ({"engine": {"kind": "electric", "fuel": "coal"}}, "engine.fuel = 'coal': allowed are: wire, battery"),
        ({"waggons": [{"seats": 1, "gauge": "wide"}]}, "waggons.0.gauge = 'wide': allowed are: narrow, broad"),
        ({"engine": {"kind": "steam", "boilers": ["one"]}}, "engine.boilers.0 = 'one': expected `float`, got `str`"),
        ({"engine": {}}, "engine lacks the key kind"),
        ({"name": 3}, "name = 3: expected `str`, got `int`"),
        ({"engine": 3}, "engine = 3: expected `object | null`, got `int`"),
    ],
)
def test_error_names_the_key_the_value_and_what_the_types_allow(tables: dict[str, Any], text: str) -> None:
    assert said(**tables).replace("steam, electric", "electric, steam") == text
