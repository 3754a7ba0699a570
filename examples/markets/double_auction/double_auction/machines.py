"""The two machines of a call market: pure, driven by events (docs/protocol.md of bidswarm, section 5)."""

from collections.abc import Iterator

from bidswarm import market as bm
from double_auction import wire
from double_auction.mechanism import clear


class Trader:
    """Sends its order until it knows its fill."""

    watches = frozenset[str]()

    def __init__(self, maker: str, order: wire.Order, retry_s: float) -> None:
        self._maker, self._order, self._retry_s = maker, order, retry_s
        self._repeated, self._is_bound, self.finished = 0, False, False

    def step(self, now: float, event: bm.Event) -> list[bm.Effect]:
        """The effects of one event."""
        return bm.effects_of(self._on, now, event)

    def _on(self, now: float, event: bm.Event) -> Iterator[bm.Effect]:
        match event:
            case bm.Restored(entries=lines):
                self._is_bound = any(isinstance(line.entry, wire.Ordered) for line in lines)
                self.finished = any(isinstance(line.entry, wire.FillLearned) for line in lines)
            case bm.Opened() if not self.finished:
                if not self._is_bound:
                    self._is_bound, order = True, self._order
                    yield bm.Persist(wire.Ordered())
                    yield wire.OrderPlaced(order.side, order.units, order.limit)
                yield from self._send_order(now)
            case bm.TimerFired() if self._is_bound and not self.finished:
                yield from self._send_order(now)
            case bm.Received(sender=sender, message=message):
                if sender != self._maker or not isinstance(message, wire.Fill):
                    raise bm.RejectedError("not a fill of the market maker")
                yield from self._on_fill(message)

    def _send_order(self, now: float) -> Iterator[bm.Effect]:
        yield bm.Send(self._maker, self._order)
        yield bm.SetTimer("again", now + bm.backoff(self._retry_s, self._repeated))
        self._repeated += 1

    def _on_fill(self, fill: wire.Fill) -> Iterator[bm.Effect]:
        order = self._order
        is_worse = fill.price > order.limit if order.side == "buy" else fill.price < order.limit
        if fill.units > order.units or (fill.units and is_worse):
            raise bm.RejectedError("fill beyond the order")
        if not self.finished:
            self.finished = True
            yield bm.Persist(wire.FillLearned(fill))
            yield wire.Filled(fill.units, fill.price)
            yield bm.CancelTimer("again")
        yield bm.Send(self._maker, wire.Thanks())


class MarketMaker:
    """Takes orders until all traders have sent theirs, or time is up; holds the call, and tells everybody its fill."""

    watches = frozenset[str]()

    def __init__(self, traders: frozenset[str], k: float, call_after_s: float, retry_s: float) -> None:
        self._traders, self._k, self._call_after_s, self._retry_s = traders, k, call_after_s, retry_s
        self._orders: dict[str, wire.Order] = {}
        self._fills: dict[str, wire.Fill] = {}
        self._untold: set[str] = set()
        self._opened_at: float | None = None
        self._is_called = self.finished = False
        self._repeated = 0

    def step(self, now: float, event: bm.Event) -> list[bm.Effect]:
        """The effects of one event."""
        return bm.effects_of(self._on, now, event)

    def _on(self, now: float, event: bm.Event) -> Iterator[bm.Effect]:
        match event:
            case bm.Restored() as restored:
                self._restore(restored)
            case bm.Opened():
                yield from self._on_opened(now)
            case bm.Received(sender=sender, message=wire.Order() as order) if sender in self._traders:
                yield from self._on_order(now, sender, order)
            case bm.Received(sender=sender, message=wire.Thanks()) if sender in self._traders:
                self._untold.discard(sender)
                if self._is_called and not self._untold:
                    yield from self._close()
            case bm.Received():
                raise bm.RejectedError("not an order or thanks of a trader of this market")
            case bm.TimerFired(name="call") if not self._is_called:
                yield from self._hold_call(now)
            case bm.TimerFired(name="tell"):
                yield from self._tell(now)

    def _restore(self, restored: bm.Restored) -> None:
        self._opened_at = restored.opened_at
        entries = [line.entry for line in restored.entries]
        self._orders = {one.trader: one.order for one in entries if isinstance(one, wire.OrderTaken)}
        self._fills = {one.trader: one.fill for one in entries if isinstance(one, wire.FillGiven)}
        self._is_called, self._untold = bool(self._fills), set(self._fills)

    def _on_opened(self, now: float) -> Iterator[bm.Effect]:
        if self._opened_at is None:
            self._opened_at = now
            yield bm.Persist(bm.MarketOpened())
        if self._is_called:
            yield from self._tell(now)
        else:
            yield bm.SetTimer("call", self._opened_at + self._call_after_s)

    def _on_order(self, now: float, trader: str, order: wire.Order) -> Iterator[bm.Effect]:
        if self._orders.get(trader, order) != order:
            raise bm.RejectedError("another order of this trader stands")
        if self._is_called:  # its fill was lost, or its order came too late
            yield bm.Send(trader, self._fills.get(trader, wire.Fill(0.0, order.limit)))
        elif trader not in self._orders:
            self._orders[trader] = order
            yield bm.Persist(wire.OrderTaken(trader, order))
            if len(self._orders) == len(self._traders):
                yield from self._hold_call(now)

    def _hold_call(self, now: float) -> Iterator[bm.Effect]:
        self._is_called = True
        orders = sorted(self._orders.items())
        bids, asks = ({name: o for name, o in orders if o.side == side} for side in ("buy", "sell"))
        books = ([(o.units, o.limit) for o in book.values()] for book in (bids, asks))
        outcome = clear(*books, self._k)
        for trader, units in zip([*bids, *asks], outcome.bought + outcome.sold, strict=True):
            self._fills[trader] = fill = wire.Fill(units, outcome.price)
            yield bm.Persist(wire.FillGiven(trader, fill))
        yield wire.Called(outcome.price)
        self._untold = set(self._fills)
        yield from self._tell(now)

    def _tell(self, now: float) -> Iterator[bm.Effect]:
        """Tell those who have not said thanks; close when nobody is left, or when they have not for so many times."""
        if not self._untold or self._repeated > bm.PATIENCE:
            yield from self._close()
            return
        for trader in sorted(self._untold):
            yield bm.Send(trader, self._fills[trader])
        yield bm.SetTimer("tell", now + bm.backoff(self._retry_s, self._repeated))
        self._repeated += 1

    def _close(self) -> Iterator[bm.Effect]:
        self.finished = True
        yield bm.CancelTimer("tell")
        yield bm.PostOnBoard(wire.Closed())
