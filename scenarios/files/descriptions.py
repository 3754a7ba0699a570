"""What the JSON Schema of scenario files says of every key, beside the meaning that its field has."""

from collections.abc import Mapping
from typing import Any

UNITS = {
    "_per_mb": "money per MB",
    "_per_s": "per second",
    "_mb": "MB",
    "_kbps": "kbit/s",
    "_money": "money",
    "_s": "seconds",
}
"""What the end of a key says of its number; the first that fits."""

Definition = dict[str, Any]


def with_descriptions(definitions: Mapping[str, Definition]) -> dict[str, Definition]:
    """The tables of a JSON Schema, each meaning with the unit of its key, and each kind with what its table is."""
    return {name: _table(table) for name, table in definitions.items()}


def _table(table: Definition) -> Definition:
    properties = {key: _key(key, one, table) for key, one in table.get("properties", {}).items()}
    return table | ({"properties": properties} if properties else {})


def _key(key: str, one: Definition, table: Definition) -> Definition:
    if one.keys() == {"enum"}:  # the one kind of this table
        return {"description": table["description"], **one}
    unit = next((unit for end, unit in UNITS.items() if key.endswith(end)), None)
    return one | {"description": f"{one['description']} ({unit})"} if unit and "description" in one else one
