"""The numbers that messages carry, and their bounds."""

from typing import Annotated

import msgspec

MAX_QUANTITY_MB = 1e12
MAX_PRICE = 1e9
MAX_MONEY = 1e21
MAX_COUNT = 2**53 - 1
"""The largest integer that a language with no numbers but doubles, like JavaScript, tells from its neighbours."""
MAX_SECONDS = 1e9
MAX_RATE_KBPS = 1e12
MAX_INSTANT_S = 1e12

DIGEST_BYTES = 16
"""A seller may search for two books with one digest; by the birthday bound that takes 2^64 tries for 16 bytes."""

NO_DIGEST = bytes(DIGEST_BYTES)
"""The digest in adverts and profiles of an auction that was never cleared."""

LIFE_BYTES = 8
"""A host draws so many at random whenever its process starts: it takes some 2^32 starts until two are the same."""

NUMBERS_PER_LIFE = 2**32
"""A node that is started anew counts on from the next multiple of this: two million lives fit below ``MAX_COUNT``."""


def life_of(number: int) -> int:
    """How many lives the node had had before the one in which it gave out the number."""
    return number // NUMBERS_PER_LIFE


Quantity = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_QUANTITY_MB)]
PositiveQuantity = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_QUANTITY_MB)]
Price = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_PRICE)]
Money = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_MONEY)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=MAX_SECONDS)]
Instant = Annotated[float, msgspec.Meta(ge=-MAX_INSTANT_S, le=MAX_INSTANT_S)]
Rate = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_RATE_KBPS)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Digest = Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
Life = Annotated[bytes, msgspec.Meta(min_length=LIFE_BYTES, max_length=LIFE_BYTES)]
