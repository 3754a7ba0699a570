"""What several tables of scenario files share: the bounds of their keys, with units in the names of these."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import msgspec

from node.protocol.topics import Name
from scenarios.errors import check_all

Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=1e6)]
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0.0, le=1e6)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Loss = Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]

Names = Annotated[list[Name], msgspec.Meta(min_length=1)]


def meaning(text: str) -> msgspec.Meta:
    """What annotates a key: its description in the JSON Schema, as docs/scenarios.md has it, less the unit."""
    return msgspec.Meta(description=text)


Stem = Annotated[Name, meaning("node name; of a population its stem")]
Size = Annotated[Count, meaning("how many alike, called name-1, name-2, …")]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: no other keys than these."""

    def check(self, key: str) -> None:
        """Raise ScenarioError, naming key, value and what is allowed, if this table or one in it contradicts itself.

        ``key`` is where it stands in the file, nothing for the file itself.
        """
        check_all(partial(table.check, place) for table, place in self._inner(key))

    def _inner(self, key: str) -> Iterator[tuple["Table", str]]:
        """The tables in this one, and their keys."""
        for field in self.__struct_fields__:
            value, place = getattr(self, field), f"{key}.{field}" if key else field
            places = (
                [(one, f"{place}.{k}") for k, one in enumerate(value)] if isinstance(value, list) else [(value, place)]
            )
            yield from ((one, where) for one, where in places if isinstance(one, Table))
