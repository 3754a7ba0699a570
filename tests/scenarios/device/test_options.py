"""The options of ``bidswarm node`` are those that the fields of its tables say."""

import inspect
from typing import Annotated, Any, Literal

import pytest

from scenarios.cli.node import _with_options
from scenarios.device.options import Option, option, options, settings_of, tables_from
from scenarios.device.schema import NodeFile
from scenarios.errors import ScenarioError
from scenarios.files.tables import Number
from scenarios.files.types import Seconds, Table


class Left(Table, frozen=True, kw_only=True, tag_field="kind", tag="left"):
    both_mb: Number
    left: int = 0


class Right(Table, frozen=True, kw_only=True, tag_field="kind", tag="right"):
    both_mb: Number
    right: str = ""


class Inner(Table, frozen=True, kw_only=True):
    pause_s: Annotated[Seconds | None, option("A pause.", "SECONDS")] = None
    several: Annotated[list[str], option("Some.", "NAME", "--one-of-them")]
    side: Annotated[
        Left | Right,
        options(
            Option("Of both.", "MB", key="both_mb"),
            Option("Of one.", key="left", kind="left"),
            Option("Of the other.", key="right", kind="right"),
        ),
    ]
    kind_alone: Annotated[Left | Right, option("Which.")]


class Outer(Table, frozen=True, kw_only=True):
    inner: Inner | None = None
    flag: Annotated[bool, option("Whether.")] = False
    words: Annotated[Literal["a", "b"] | None, option("One of two.")] = None
    silent: int = 0


SETTINGS = list(settings_of(Outer))
NOTHING: dict[str, Any] = {one.parameter: None for one in SETTINGS}


def test_every_annotated_field_is_an_option_with_the_place_and_the_type_of_its_key() -> None:
    assert {one.name: (".".join(one.place), one.type) for one in SETTINGS} == {
        "--pause": ("inner.pause_s", float),
        "--one-of-them": ("inner.several", list[str]),
        "--both-mb": ("inner.side.both_mb", float),
        "--left": ("inner.side.left", int),
        "--right": ("inner.side.right", str),
        "--kind-alone": ("inner.kind_alone.kind", Literal["left", "right"]),
        "--flag": ("flag", bool),
        "--words": ("words", Literal["a", "b"]),
    }


def test_what_is_not_given_makes_no_table() -> None:
    assert tables_from(SETTINGS, NOTHING | {"one_of_them": []}) == {}


def test_options_stand_in_the_tables_of_their_keys_and_choose_the_kind() -> None:
    given = NOTHING | {"pause": 0.0, "flag": False, "both_mb": 2.0, "right": "r", "kind_alone": "left"}
    side = {"kind": "right", "both_mb": 2.0, "right": "r"}
    inner = {"pause_s": 0.0, "side": side, "kind_alone": {"kind": "left"}}
    assert tables_from(SETTINGS, given) == {"inner": inner, "flag": False}


def test_what_any_kind_has_chooses_none() -> None:
    assert tables_from(SETTINGS, NOTHING | {"both_mb": 2.0}) == {"inner": {"side": {"both_mb": 2.0}}}


def test_options_of_two_kinds_exclude_each_other_and_are_named() -> None:
    with pytest.raises(ScenarioError, match="--left and --right exclude each other: give one of them"):
        tables_from(SETTINGS, NOTHING | {"left": 1, "right": "r"})


def test_the_command_has_an_option_for_each_between_the_file_and_the_format() -> None:
    def command(file: str = "", *, log_format: str = "", **given: object) -> None:
        raise NotImplementedError

    names = list(inspect.signature(_with_options(command)).parameters)
    assert names == ["file", *(one.parameter for one in settings_of(NodeFile)), "log_format"]


def test_no_two_options_have_one_name() -> None:
    names = [one.name for one in settings_of(NodeFile)]
    assert len(names) == len(set(names)) > 20
