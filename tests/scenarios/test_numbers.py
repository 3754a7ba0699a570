"""No number that is none, or without end, gets into a market: not by a file, not by an option."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from scenarios.cli.main import app
from scenarios.device.schema import NodeFile
from scenarios.errors import ScenarioError
from scenarios.files.tables import Normal
from scenarios.files.walk import choices, element_type, tables_of
from scenarios.markets.registry import kinds

NUMBERS = (math.nan, math.inf, -math.inf)


def fields_of(kind: Any, seen: set[Any]) -> Iterator[tuple[type[msgspec.Struct], msgspec.structs.FieldInfo]]:
    """Every field of every table that may stand where this type is expected."""
    for table in tables_of(kind):
        if table not in seen:
            seen.add(table)
            for field in msgspec.structs.fields(table):
                yield table, field
                yield from fields_of(field.type, seen)
                if (element := element_type(field.type)) is not None:
                    yield from fields_of(element, seen)


def float_fields() -> list[Any]:
    roots, seen = [*(kind.scenario for kind in kinds().values()), NodeFile], set[Any]()
    found = [pair for root in roots for pair in fields_of(root, seen)]
    return [
        pytest.param(table, field, id=f"{table.__name__}.{field.name}")
        for table, field in found
        if float in choices(field.type)
    ]


@pytest.mark.parametrize(("table", "field"), float_fields())
def test_every_number_of_a_file_has_bounds(table: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> None:
    for number in NUMBERS:
        if (table, field.name) == (Normal, "mean"):  # which its bounds are for
            with pytest.raises(ScenarioError, match=r"mean = .* must lie between low and high"):
                Normal(mean=number, deviation=1.0).check("x")
        else:
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert(number, field.type)


NODE = "node --role buyer --seller s --market lab --broker mqtt://127.0.0.1:1 --host pi"
BUYER, SELLER = f"{NODE} --demand-mb 5", "node --role seller --market lab --broker mqtt://127.0.0.1:1 --host pi"
OPTIONS = {
    "run --timeout": "run two-sellers --world sim",
    "sweep --timeout": "sweep two-sellers --out sweep",
    "watch --speed": "watch nowhere",
    "classroom --seconds": "classroom two-sellers --out rooms",
    "compare --confidence": "compare two-sellers herd --no-pictures",
    "study dmp-equilibrium --w": "study dmp-equilibrium --bidders 3",
    "study dmp-equilibrium --reputation": "study dmp-equilibrium --bidders 2 --w 0.5 --reputation 0.2",
    "node --supply-mb": SELLER,
    "node --reserve-price": f"{SELLER} --supply-mb 5",
    "node --quiet-period": f"{SELLER} --supply-mb 5",
    "node --clearing-interval": f"{SELLER} --supply-mb 5",
    "node --open-at-least": f"{SELLER} --supply-mb 5",
    "node --linger": f"{SELLER} --supply-mb 5",
    "node --retry": f"{SELLER} --supply-mb 5",
    "node --patience": f"{SELLER} --supply-mb 5",
    "node --timeout": f"{SELLER} --supply-mb 5",
    "node --demand-mb": f"{NODE} --value-per-mb 1",
    "node --value-per-mb": BUYER,
    "node --choke-price": BUYER,
    "node --budget": f"{BUYER} --value-per-mb 1",
}
"""A command that lacks the option alone; ``node start`` and ``node service`` have the same ones."""


def float_options() -> set[str]:
    """Every option of the command line that is a number with decimals."""
    found = set()

    def walk(group: Any, words: str) -> None:
        group.parse_args(typer.Context(group), ["x"]) if words == "node " else None
        for name in group.commands:
            command = group.get_command(None, name)
            if hasattr(command, "commands"):
                walk(command, f"{words}{name} ")
            else:
                within = "node" if words == "node " else words + name
                found.update(f"{within} {one.opts[0]}" for one in command.params if one.type.name == "float")

    walk(typer.main.get_command(app), "")
    return found


def test_every_such_option_is_tried() -> None:
    assert float_options() == set(OPTIONS)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_without_a_number_is_refused_with_one_line(
    option: str, number: str, said: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = said(*OPTIONS[option].split(), f"{option.rsplit(maxsplit=1)[-1]}={number}")
    assert (code, stdout, stderr.count("\n")) == (2, "", 1), stderr
    assert stderr.startswith("error: ")
    assert number in stderr
    assert "`" not in stderr
    assert not [*tmp_path.iterdir()]
