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


def span_of(seconds: float) -> str:
    """A span of time in the two largest units that it needs: ``2 h 5 min``, ``1 min 3 s``, ``4 s``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
