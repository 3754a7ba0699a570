"""A scenario as a file that explains itself: every key with its meaning, those left out as comments."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

import msgspec

from scenarios.files.toml import as_written, has_headings, key_of, to_value
from scenarios.files.types import Table
from scenarios.files.walk import element_type, inner_type, is_table, tables_of

Place = tuple[str, ...]


def to_commented_toml(tables: Mapping[str, Any], whole: type[msgspec.Struct]) -> str:
    """The tables of a scenario of that type as a file that is read as the same scenario."""
    return "\n".join(_lines(tables, whole, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], kind: Any, place: Place) -> Iterator[str]:  # noqa: ANN401 - any type
    """The lines of a table without its heading: what it sets, what it could set, then the tables in it."""
    found = next((one for one in tables_of(kind) if is_table(one, table)), None)
    fields = {one.encode_name: one for one in msgspec.structs.fields(found)} if found else {}
    given = {key: as_written(value) for key, value in table.items() if value is not None}
    for key, value in given.items():
        if not has_headings(value):
            yield f"{key_of(key)} = {to_value(value)}{_meaning(fields.get(key))}"
    absent = [one for name, one in fields.items() if name not in given]
    for one in absent:
        if not isinstance(_default(one), Table):
            yield _left_out(one)
    for key, value in given.items():
        if has_headings(value):
            for inner in value if isinstance(value, list) else [value]:
                heading = ".".join(map(key_of, (*place, key)))
                yield from (
                    "",
                    (f"[[{heading}]]" if isinstance(value, list) else f"[{heading}]") + _meaning(fields.get(key)),
                )
                of = inner_type(kind, table, key)
                yield from _lines(inner, element_type(of) if isinstance(value, list) else of, (*place, key))
    for one in absent:
        if isinstance(default := _default(one), Table):
            yield from ("", f"# [{'.'.join((*place, one.encode_name))}]{_meaning(one)}", *_by_default(default))


def _by_default(table: Table) -> Iterator[str]:
    """The lines of a table that is as it is if it is left out."""
    config = table.__struct_config__
    if config.tag_field:
        yield f"# {config.tag_field} = {to_value(config.tag)}"
    for one in msgspec.structs.fields(table):
        if not isinstance(_default(one), Table):
            yield _left_out(one)


def _left_out(field: msgspec.structs.FieldInfo) -> str:
    """A key with its default; without one, what it would mean."""
    default = _default(field)
    if default in (None, [], ""):
        return f"# {field.encode_name}: {_meaning(field).removeprefix('  # ')}"
    return f"# {field.encode_name} = {to_value(default)}{_meaning(field)}"


def _default(field: msgspec.structs.FieldInfo) -> Any:  # noqa: ANN401 - whatever a table holds
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return None if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _meaning(field: msgspec.structs.FieldInfo | None) -> str:
    """What the type of a key says of it, as a comment."""
    kind = field.type if field else None
    metas = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    said = next((meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description), None)
    return f"  # {said}" if said else ""
