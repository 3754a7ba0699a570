"""A broken rule, as the ledger of either market finds it."""

from typing import NamedTuple


class Breach(NamedTuple):
    """The rule that is broken, the node that breaks it, and how."""

    rule: str
    node: str
    text: str
