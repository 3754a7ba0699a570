"""Numbers and names as people read them."""

import re
from collections.abc import Iterable


def counted(number: int, what: str, many: str = "") -> str:
    """So many of it: ``1 buyer``, ``2 buyers``; ``many`` where the plural is another word than one with an s."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def naturally(names: Iterable[str]) -> list[str]:
    """The names with the numbers in them in order, too: buyer-2, buyer-3, buyer-20."""
    # Every second part is a number.
    return sorted(
        names, key=lambda name: [int(one) if k % 2 else one for k, one in enumerate(re.split("([0-9]+)", name))]
    )
