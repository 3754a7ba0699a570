"""What people may have happen in a market that runs already, and what its kind makes of that (docs/live.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec

from node.protocol.machine import Event
from node.protocol.topics import Name
from scenarios.errors import ScenarioError
from scenarios.files.explained import converted, faults
from scenarios.markets.base import Scenario

KIND, NODE, AMOUNT = "What", "To whom", "How much"
"""The fields of an order, as a page calls them: what is wrong with an order is said of these."""

_Word = Annotated[str, msgspec.Meta(max_length=64)]


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to happen to a user now; ``amount`` is how much of it, where that can be said."""

    kind: _Word
    node: _Word
    amount: float | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of order that a page offers.

    Attributes
    ----------
    to
        Whom it can happen to, in a word.
    amount, unit
        What is suggested, and of what; None where there is nothing to say.
    is_needed
        Whether an amount must be given.
    """

    key: str
    label: str
    to: str
    amount: float | None = None
    unit: str = ""
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Steering:
    """How a kind of market shifts while it runs; what goes wrong is the same for all kinds."""

    offers: Sequence[Offer]

    steady: Callable[[Any, Any], Scenario]
    """The scenario that says outright what its drawn market has from plans, such as how long it stays open."""

    shifted: Callable[[Any, Order, float], Scenario]
    """The scenario in which the order was planned for so many seconds after the opening.

    ScenarioError if it cannot be planned; the text says why.
    """

    revise: Callable[[Any, Any], None]
    """Have the metrics or the view of a run go by its market as it is drawn from the scenario now."""

    event: Callable[[Any, str, float], Event]
    """What that scenario's market has happen to a node at that time."""


_T = TypeVar("_T", bound=msgspec.Struct)


def planned(order: Order, at_s: float, table: type[_T], amount: str) -> _T:
    """The order as that table of a scenario; what it has in the field ``amount`` is the order's amount.

    Raises
    ------
    ScenarioError
        If it is none; the text names the field of the page, the value and what is allowed.
    """
    fields = {field.name: field for field in msgspec.structs.fields(table)}
    tables: dict[str, Any] = {"kind": table.__struct_config__.tag, "at_s": at_s, "nodes": [order.node]}
    wrong = list(faults(order.node, Name, NODE))
    if order.amount is not None and amount not in fields:
        wrong.append(f"{AMOUNT}: leave it out")
    elif order.amount is not None:
        typed = int(order.amount) if repr(order.amount).endswith(".0") else order.amount  # 0, not 0.0
        wrong += faults(typed, fields[amount].type, AMOUNT)
        tables[amount] = order.amount
    elif amount in fields and fields[amount].required:
        wrong.append(f"{AMOUNT}: give a number")
    if wrong:
        raise ScenarioError("\n".join(wrong))
    return converted(tables, table)
