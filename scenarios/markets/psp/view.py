"""An exchange as a live page shows it, folded from its trace (docs/live.md)."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from node.mechanism.rounding import ROUNDING
from node.mechanism.welfare import Optimum
from node.protocol.machine import Message
from node.protocol.psp.messages import Advert
from node.protocol.psp.trace import BidPlaced, BidWithdrawn, Cleared, SupplyRevised, ValuationRevised
from node.protocol.topics import host_of, node_of
from node.protocol.trace import Joined, Leaving, Record, Trace
from node.runtime.faults.plan import FaultBegun, FaultHealed
from node.trace.history import History
from node.trace.psp.metrics import AuctionMetrics, MarketMetrics
from scenarios.errors import ScenarioError
from scenarios.markets.chronicle import Chronicle
from scenarios.markets.panels import (
    LEAST_RATED_S,
    Course,
    Curves,
    Detail,
    Drawing,
    Layout,
    Named,
    Nodes,
    Plot,
    Stroke,
    Value,
    curve_of,
    curves,
    drawing,
    over_time,
    packed,
)
from scenarios.markets.psp import panels
from scenarios.markets.psp.census import market_now, newcomers
from scenarios.markets.psp.course import largest_supplies, metrics_of
from scenarios.markets.psp.equilibrium import gaps
from scenarios.markets.psp.figures import fitting_measure, most_gains_of, words
from scenarios.markets.psp.live import optimum_of
from scenarios.markets.psp.market import Market, described
from scenarios.markets.psp.totals import Total, Totals, book_of

GAP_ROWS = 40
"""So many largest gaps are kept."""

GAP_STEP_S = 1.0 / 180.0
"""For each buyer: to work out all gaps takes a tenth of that, and the page has other things to do."""

MOST_BUYERS = 1_000
"""With more of them all gaps take too long to be worked out along the way."""

CURVE_POINTS = 60

RATE_INTERVALS = 80
"""Of the time so far, in each of which there is a rate."""

TO_COME = "to come"
"""The state of who is not there yet."""

AWAY = {"crash": "down", "partition": "cut off"}
"""The state of whose host that has happened to, by the fault."""

SHIFTS = frozenset({SupplyRevised, ValuationRevised, Joined, Leaving})
"""What changes the optimum."""


class ExchangeView:
    """All that a page shows of an exchange; without its market what can be seen by anybody, valuations excepted.

    Attributes
    ----------
    metrics
        What all is worked out from.
    """

    def __init__(self, market: Market | None) -> None:
        self.now_s = 0.0
        self.chronicle = Chronicle(panels.EVENTS)
        self._market = market
        self.metrics = MarketMetrics({}, []) if market is None else metrics_of(market)
        self._totals = Totals(self.metrics)
        users = len(market.buyers) + len(market.sellers) if market else 0
        step_s = max(1.0, users / 500.0) / 64.0
        self._supply = {one.name: one.supply_mb for one in market.sellers} if market else {}
        self._reserve = {one.name: one.reserve_price_per_mb for one in market.sellers} if market else {}
        self._buyers: dict[str, None] = dict.fromkeys(one.name for one in market.buyers) if market else {}
        self._last_bids: dict[str, float] = {}
        self._clearings: defaultdict[str, int] = defaultdict(int)
        self._best: Optimum | None = None
        self._most = math.nan
        self._newcomers = newcomers(market) if market else set()
        self._leavers: set[str] = set()
        self._addresses: dict[str, str] = {}
        self._away: defaultdict[str, list[str]] = defaultdict(list)
        self._is_other = False
        self._course = History(9, step_s=step_s)
        self._prices, self._sold = (History(len(self._supply), step_s=step_s) for _ in range(2))
        self._bid_prices, self._got = (History(len(self._buyers), 256, 4.0 * step_s) for _ in range(2))
        buyers = len(market.buyers) if market else 0
        self._gaps = History(1, GAP_ROWS, max(1.0 / 64.0, buyers * GAP_STEP_S))
        self._gap: float | None = None
        self._has_gaps = 0 < buyers <= MOST_BUYERS

    @property
    def layout(self) -> Layout:
        """What there is to see; what valuations are needed for only where they are known."""
        market = self._market
        courses: list[Course] = [panels.PRICES, panels.SOLD]
        figures: Sequence[Named] = panels.FIGURES
        if market:
            courses.append(panels.MISSING)
            figures = (*panels.MEASURED, *panels.FIGURES)
        if self._has_gaps:
            courses.append(panels.GAPS)
            figures = (*figures[:1], panels.GAP, *figures[1:])
        return Layout(
            title=market.scenario if market else "exchange",
            subtitle=described(market) if market else "what its nodes tell; their valuations are not known here",
            figures=figures,
            panels=[panels.GRAPH, *courses, panels.RATES, panels.NODES],
            events=self.chronicle.events,
        )

    def revise(self, market: Market) -> None:
        """Go by the same users with other shifts."""
        self._market = market
        self._newcomers = newcomers(market)
        self.metrics.allow(largest_supplies(market))

    def prepare(self) -> None:
        """Work out the optimum of those who are there at first."""
        if self._market:
            self._measure(market_now(self._market, self.metrics))

    def _measure(self, market: Market) -> None:
        best = optimum_of(market)
        most = best.bound if market.is_large else best.welfare
        self._most = most_gains_of(market, best.price, most) if self._is_net else most
        self._best = best

    @property
    def _is_net(self) -> bool:
        """Whether reserve prices are taken off."""
        return self._market is not None and fitting_measure(self._market).endswith("gains_from_trade")

    # The fold

    def add(self, record: Record[Trace]) -> None:
        """Take in the next record."""
        if record.time_s > self.now_s and self._course.is_due(record.time_s):
            self._look()  # between two instants: within one, an auction has told of some of its bidders only
        self.now_s = max(self.now_s, record.time_s)
        self.chronicle.add(record)
        what = record.what
        if isinstance(what, FaultBegun | FaultHealed):
            self._strike(node_of(record.node), what)
            return
        name = node_of(record.node)
        self._addresses[name] = record.node
        self._know(name, what)
        self.metrics.add(record)
        self._totals.add(record)
        if type(what) is Leaving:
            self._leavers.add(name)
        if type(what) in SHIFTS or self._is_rid_of_leavers(what):
            self._is_other = True
        if self._is_other and self._market and self._best and not self._market.is_large:
            self._is_other = False
            self._measure(market_now(self._market, self.metrics))

    def _strike(self, fault: str, what: FaultBegun | FaultHealed) -> None:
        """Note whose hosts nobody can reach."""
        if fault not in AWAY:
            return
        for host in what.hosts:
            if isinstance(what, FaultBegun):
                self._away[host].append(AWAY[fault])
            elif AWAY[fault] in self._away[host]:
                self._away[host].remove(AWAY[fault])

    def _is_rid_of_leavers(self, what: Trace) -> bool:
        """Whether somebody who has left has lost the last that its bids would have got."""
        if not self._leavers or type(what) is not Cleared:
            return False
        gone = {name for name in self._leavers if self._totals.of(name).gets <= 0.0}
        self._leavers -= gone
        return bool(gone)

    def _know(self, node: str, what: Trace) -> None:
        """Note whom there is, where nobody has said so, and who moves."""
        if isinstance(what, Cleared):
            self._clearings[node] += 1
            if self._market is None:
                self.metrics.auctions.setdefault(node, AuctionMetrics())
        elif isinstance(what, BidPlaced | BidWithdrawn):
            if isinstance(what, BidPlaced):
                self._last_bids[node] = what.price_per_mb
            if self._market is None:
                self._buyers.setdefault(node)
                self.metrics.auctions.setdefault(node_of(what.seller), AuctionMetrics())

    def settle(self, record: Record[Trace]) -> None:
        """Take in a sale that is confirmed after the end of the run."""
        self.metrics.trade(record)
        self._totals.add(record)

    def post(self, poster: str, message: Message) -> None:
        """Take in what a seller advertises, where nobody has said what it has."""
        if not isinstance(message, Advert):
            return
        name = node_of(poster)
        if self._market is None:
            self.metrics.auctions.setdefault(name, AuctionMetrics())
            self._supply[name], self._reserve[name] = message.supply, message.reserve
        elif name in self._supply:
            most = self.metrics.most[name]
            is_other = message.supply > most * (1.0 + ROUNDING)
            if is_other or (not self._market.shifts and message.supply < most * (1.0 - ROUNDING)):
                raise ScenarioError(f"{name} has {message.supply:g} MB on the board, and {most:g} MB in the scenario")

    def finish(self) -> None:
        """Let count of each sale what both sides tell."""
        self.metrics.finish()
        self._totals.change_all()
        if self._best and self._market and self._market.shifts:
            self._is_other = False
            self._measure(market_now(self._market, self.metrics))
        self._look()
        self._look_at_gap()

    def _look(self) -> None:
        """Take a row of every course, as things stand."""
        metrics = self.metrics
        auctions = [metrics.auctions[name] for name in self._sellers]
        price = np.array([one.price for one in auctions])
        supply = np.array([self._supply_of(name) for name in self._sellers])
        sold = np.array([one.sold for one in auctions])
        known = price[np.isfinite(price)]
        quantiles = np.quantile(known, [0.0, 0.1, 0.5, 0.9, 1.0]) if known.size else np.full(5, np.nan)
        share = sold.sum() / supply.sum() if supply.sum() > 0.0 else math.nan
        at = self.now_s
        row = [*quantiles, share, metrics.bids, metrics.messages, self._missing]
        self._course.add(at, row)
        self._prices.add(at, price)
        self._sold.add(at, np.divide(sold, supply, out=np.full(sold.shape, np.nan), where=supply > 0.0))
        if self._got.is_due(at):
            totals = [self._totals.of(name) for name in self._buyers]
            self._bid_prices.add(at, [math.nan if one.bid_price is None else one.bid_price for one in totals])
            self._got.add(at, [one.gets for one in totals])
        if self._gaps.is_due(at):
            self._look_at_gap()

    def _look_at_gap(self) -> None:
        if self._market and self._has_gaps:
            of_buyers = gaps(market_now(self._market, self.metrics), self.metrics)
            self._gap = float(of_buyers.max(initial=0.0))
            self._gaps.add(self.now_s, [self._gap])

    @property
    def _sellers(self) -> list[str]:
        return list(self.metrics.auctions)

    def _is_awaited(self, name: str) -> bool:
        return name in self._newcomers and name not in self.metrics.joined

    def _supply_of(self, seller: str) -> float:
        return 0.0 if self._is_awaited(seller) else self.metrics.supply.get(seller, self._supply.get(seller, math.nan))

    @property
    def _reached(self) -> float:
        """Welfare, less reserve prices where that is the measure, money."""
        welfare = self.metrics.welfare
        if not self._is_net:
            return welfare
        return welfare - sum(
            auction.sold * self._reserve[name]
            for name, auction in self.metrics.auctions.items()
            if name in self._reserve
        )

    @property
    def _missing(self) -> float:
        """What is missing of the most that could be, as a share; NaN where that is not known, or nothing."""
        if self._best is None or self._is_other or not self._most > 0.0:
            return math.nan
        return 1.0 - self._reached / self._most

    # What is shown

    def figures(self) -> dict[str, Value]:
        """The figures of the layout."""
        metrics = self.metrics
        auctions = metrics.auctions
        supply = [self._supply_of(name) for name in auctions]
        sold = sum(one.sold for one in auctions.values())
        prices = [one.price for one in auctions.values() if math.isfinite(one.price)]
        found: dict[str, Value] = {
            "share_sold": sold / sum(supply) if supply and sum(supply) > 0.0 else None,
            "sold": sold,
            "price": float(np.median(prices)) if prices else None,
            "bids": metrics.bids,
            "bids_and_profiles": metrics.messages,
            "closed": f"{metrics.closed} of {len(auctions)}",
            "revenue": sum(one.revenue for one in auctions.values()),
        }
        if self._market:
            found |= {
                "efficiency": 1.0 - self._missing,
                "welfare": metrics.welfare,
                "measure": words(fitting_measure(self._market)),
            }
        if self._has_gaps:
            found["epsilon_gap"] = self._gap
        return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in found.items()}

    def courses(self) -> dict[str, Curves]:
        """The courses of the layout."""
        course = self._course
        found = {
            "price": curves(course, {"low": 0, "lower": 1, "median": 2, "upper": 3, "high": 4}),
            "sold": curves(course, {"share": 5}),
            "rate": _rates(course, {"bids": 6, "bids_and_profiles": 7}, self.now_s),
        }
        if self._market:
            found["missing"] = curves(course, {"missing": 8}, panels.LEAST)
        if self._has_gaps:
            found["gap"] = curves(self._gaps, {"gap": 0}, panels.LEAST)
        return found

    def single(self, course: str, node: str) -> Curves | None:
        """The price of one auction, or the share that it has sold."""
        history = {"price": self._prices, "sold": self._sold}.get(course)
        return None if history is None else curve_of(history, self._sellers, node)

    def drawings(self) -> dict[str, Drawing]:
        """Who buys from whom."""
        metrics, totals = self.metrics, [self._totals.of(name) for name in self._buyers]
        sellers = {name: j for j, name in enumerate(metrics.auctions)}
        edges = [
            (i, sellers[seller], mb)
            for i, total in enumerate(totals)
            for seller, mb in total.trades
            if seller in sellers
        ]
        supply = [self._supply_of(name) for name in sellers]
        auctions = [metrics.auctions[name] for name in sellers]
        right = Nodes(
            list(sellers),
            np.nan_to_num(supply).tolist(),
            [one.sold / most if most > 0.0 else 0.0 for one, most in zip(auctions, supply, strict=True)],
            [one.price for one in auctions],
            [self._clearings.get(name, 0) for name in sellers],
            list(range(1, len(sellers) + 1)),
        )
        return {"market": drawing(self._drawn_buyers(totals), right, edges, ("buyers", "sellers"))}

    def _drawn_buyers(self, totals: Sequence[Total]) -> Nodes:
        names, is_known = list(self._buyers), self._market is not None
        demand = (
            [self.metrics.valuation(name).demand_mb for name in names] if is_known else [one.gets for one in totals]
        )
        last = [self._last_bids.get(name, math.nan) for name in names]
        first = [self.metrics.valuation(name).marginal(0.0) for name in names] if is_known else last
        share = [one.gets / most if most > 0.0 else 0.0 for one, most in zip(totals, demand, strict=True)]
        return Nodes(names, demand, share, last, [self.metrics.bids_of.get(name, 0) for name in names], first)

    def rows(self, table: str) -> dict[str, Sequence[Value]]:
        """Every node, sellers first."""
        del table
        metrics, clearings = self.metrics, self._clearings
        sellers, buyers = self._sellers, list(self._buyers)
        auctions, totals = [metrics.auctions[name] for name in sellers], [self._totals.of(name) for name in buyers]
        wanted = [sum(mb for mb, _ in book_of(metrics, name).values()) for name in sellers]
        states = [self._state(name, total) for name, total in zip(buyers, totals, strict=True)]
        utilities = [self._utility(name, total) for name, total in zip(buyers, totals, strict=True)]
        moves = [*(clearings.get(name, 0) for name in sellers), *(metrics.bids_of.get(name, 0) for name in buyers)]
        return {
            "name": [*sellers, *buyers],
            "role": ["seller"] * len(sellers) + ["buyer"] * len(buyers),
            "state": [*map(self._auction_state, sellers), *states],
            "bid_mb": [*wanted, *(one.bid_mb for one in totals)],
            "bid_price": [*(_known(one.price) for one in auctions), *(one.bid_price for one in totals)],
            "gets": [*(one.sold for one in auctions), *(one.gets for one in totals)],
            "pays": [*(one.revenue for one in auctions), *(one.pays for one in totals)],
            "utility": [*([None] * len(sellers)), *utilities],
            "moves": moves,
        }

    def _away_as(self, name: str) -> str | None:
        """What keeps it from being reached, if anything does."""
        away = self._away.get(host_of(self._addresses.get(name, "")))
        return away[-1] if away else None

    def _auction_state(self, seller: str) -> str:
        if self._is_awaited(seller):
            return TO_COME
        state = self.metrics.auctions[seller].state
        return state if state == "closed" else self._away_as(seller) or state

    def _state(self, buyer: str, total: Total) -> str:
        if buyer in self.metrics.left:
            return "left"
        if self._is_awaited(buyer):
            return TO_COME
        if away := self._away_as(buyer):
            return away
        if total.bid_mb is not None:
            return "bidding"
        return "bought" if total.gets > 0.0 else "out"

    def _utility(self, buyer: str, total: Total) -> float | None:
        if self._market is None:
            return None
        return self.metrics.valuation(buyer).value(max(0.0, total.gets)) - total.pays

    def detail(self, node: str) -> Detail | None:
        """A buyer with θ' and its bids, or an auction with its book."""
        if node in self.metrics.auctions:
            return self._auction(node)
        return self._buyer(node) if node in self._buyers else None

    def _auction(self, seller: str) -> Detail:
        auction, supply = self.metrics.auctions[seller], self._supply_of(seller)
        book = sorted(book_of(self.metrics, seller).items(), key=lambda one: -one[1][1])
        ends = np.cumsum([0.0, *(mb for _, (mb, _) in book)]).tolist()
        prices = [price for _, (_, price) in book]
        strokes = [
            Stroke(label="bids, highest first", shape="steps", x=ends, y=[*prices, prices[-1]] if prices else [0.0])
        ]
        if math.isfinite(supply):
            strokes.append(Stroke(label="supply", shape="upright", x=[supply], y=[]))
        if math.isfinite(auction.price):
            strokes.append(Stroke(label="what a newcomer must beat", shape="across", x=[], y=[auction.price]))
        facts: list[tuple[str, Value, str]] = [
            ("state", self._auction_state(seller), ""),
            ("supply", _known(supply), "MB"),
            ("sold", auction.sold, "MB"),
            ("revenue", auction.revenue, "money"),
            ("bidders", len(book), ""),
            ("reserve price", self._reserve.get(seller), "per MB"),
        ]
        plots = [
            Plot(key="book", title="Book", x="MB", y="per MB", strokes=strokes),
            over_time("price", "Price", "per MB", self._prices, self._sellers.index(seller)),
            over_time("sold", "Share sold", "", self._sold, self._sellers.index(seller), kind="share"),
        ]
        return Detail(node=seller, role="seller", facts=facts, plots=plots)

    def _buyer(self, buyer: str) -> Detail:
        total = self._totals.of(buyer)
        got = total.gets
        bids = {seller: bid for seller in self._sellers if (bid := book_of(self.metrics, seller).get(buyer))}
        facts: list[tuple[str, Value, str]] = [
            ("gets", got, "MB"),
            ("pays", total.pays, "money"),
            ("utility", self._utility(buyer, total), "money"),
            ("moves", self.metrics.bids_of.get(buyer, 0), ""),
            *(
                (f"bid with {seller}", f"{mb:.4g} MB at {price:.4g}", "")
                for seller, (mb, price) in [*bids.items()][:12]
            ),
        ]
        strokes = []
        if self._market:
            valuation = self.metrics.valuation(buyer)
            most = max(valuation.demand_mb, got)
            # Twice at the demand: the worth of the next MB may jump there.
            at = [*np.linspace(0.0, most, CURVE_POINTS).tolist(), most]
            worth = [*(valuation.marginal(z) for z in at[:-1]), 0.0]
            strokes.append(Stroke(label="θ', worth of the next MB", shape="line", x=at, y=worth))
        if got > 0.0:
            strokes.append(Stroke(label="gets", shape="upright", x=[got], y=[]))
        if bids:
            ends = np.cumsum([mb for mb, _ in bids.values()]).tolist()
            strokes.append(Stroke(label="bids", shape="points", x=ends, y=[price for _, price in bids.values()]))
        place = list(self._buyers).index(buyer)
        plots = [
            Plot(key="theta", title="Worth and bids", x="MB", y="per MB", strokes=strokes),
            over_time("bid", "Its bid", "per MB", self._bid_prices, place),
            over_time("got", "What it gets", "MB", self._got, place),
        ]
        return Detail(node=buyer, role="buyer", facts=facts, plots=plots)


def _known(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _rates(history: History, counts: Mapping[str, int], now_s: float) -> Curves:
    """By how much counts have risen per second, in each of so many equal intervals until now; columns by name."""
    time_s = history.time_s
    edges = np.linspace(0.0, now_s, RATE_INTERVALS + 1) if now_s > LEAST_RATED_S else np.zeros(1)
    place = np.searchsorted(time_s, edges, side="right") - 1
    lines = {}
    for name, column in counts.items():
        at_edges = np.where(place >= 0, history.rows[place, column], 0.0) if len(history) else np.zeros(len(edges))
        lines[name] = packed(np.diff(at_edges) / np.diff(edges))
    return Curves(packed(edges[:-1]), lines)
