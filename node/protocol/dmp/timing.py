"""How patient the nodes of a Digital Marketplace are."""

import msgspec


class CallTiming(msgspec.Struct, frozen=True):
    """Intervals of one Digital Marketplace, seconds of the clock that all nodes share.

    Attributes
    ----------
    bid_window_s
        A network that has made no offer for so long takes no part in that auction.
    retry_s
        What is unanswered for so long is said again.
    gather_s
        A request waits for so long, so that auctions are held in the order of their calls whatever order they come in.
    speed
        Seconds of the market, in which calls are counted, per second of the clock.
    """

    bid_window_s: float
    retry_s: float
    gather_s: float
    speed: float = 1.0
