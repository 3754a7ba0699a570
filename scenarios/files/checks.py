"""What the names in a scenario must fulfil; what a table must, it says itself (``Table.check``)."""

import re
from collections.abc import Iterable

from node.protocol.topics import NAME, NAME_IN_WORDS
from scenarios.errors import ScenarioError


def check_names(names: Iterable[str], whose: str) -> None:
    """Raise ScenarioError if a name may not be one, or is given twice; ``whose`` says in the text who needs one."""
    # The schema's pattern accepts a name that ends in a line break, and never sees the numbered names of a population.
    seen: set[str] = set()
    for name in names:
        if not re.fullmatch(NAME, name):
            raise ScenarioError(f"the name {name!r} of {whose} must be {NAME_IN_WORDS}")
        if name in seen:
            raise ScenarioError(f"the name {name!r} is given twice; {whose} needs a name of its own")
        seen.add(name)
