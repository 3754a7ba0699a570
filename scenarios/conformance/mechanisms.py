"""Laws that the mechanism of an auction must keep, each with a counterexample where it does not (decisions/0013)."""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from node.mechanism.psp import PSP, AuctionMechanism, Clearing, Staircase, staircase
from node.mechanism.rounding import FOREIGN_ROUNDING
from node.mechanism.valuation import Flat, Parabolic, PiecewiseLinear, Valuation
from scenarios.conformance import parts
from scenarios.conformance.laws import Law, Verdict, first, tried
from scenarios.files.code import Source
from scenarios.files.types import Table
from scenarios.markets.psp.mechanisms import built
from scenarios.markets.psp.schema import Mechanism

BOOKS = 300
"""So many are drawn."""

BUYERS = 60
"""So many are drawn, each before one to three books."""

DEVIATIONS = 60
"""So many bids are tried instead of each best reply."""


class _Holder(Table, frozen=True):
    """A file of nothing but a mechanism."""

    mechanism: Mechanism


def code_of(kind: str) -> Source | None:
    """Where the code of this mechanism is, of which nothing is run; None if it comes with the program."""
    return parts.code_of(_Holder, {"mechanism": kind})


def mechanism_of(kind: str, settings: Sequence[str] = ()) -> AuctionMechanism:
    """That of this name, with ``key=value`` settings; ScenarioError if there is no such, or it takes others."""
    tables = {"mechanism": {"kind": kind} if settings else kind}
    return built(parts.held(_Holder, tables, [f"mechanism.{setting}" for setting in settings]).mechanism)


def mechanism_verdicts(mechanism: AuctionMechanism) -> list[Verdict]:
    """Every law, tried on this mechanism."""
    return tried(MECHANISM_LAWS, mechanism)


# Books and buyers


class Book(msgspec.Struct, frozen=True):
    """The bids of one auction, MB and price per MB, and what is on sale."""

    seed: int
    quantity: list[float]
    price: list[float]
    supply: float
    reserve: float

    def __str__(self) -> str:
        bids = ", ".join(f"{amount:g} at {price:g}" for amount, price in zip(self.quantity, self.price, strict=True))
        return f"book {self.seed} (supply {self.supply:g}, reserve {self.reserve:g}; bids: {bids or 'none'})"

    @property
    def slack(self) -> float:
        """Money that is rounding in this book."""
        return FOREIGN_ROUNDING * max([self.reserve, *self.price]) * max([self.supply, *self.quantity])

    def cleared_by(self, mechanism: AuctionMechanism) -> Clearing:
        """Its outcome, of numbers."""
        outcome = mechanism.clear(self.quantity, self.price, self.supply, self.reserve)
        shape = (len(self.price),)
        if (outcome.allocation.shape, outcome.charge.shape) != (shape, shape):
            raise ValueError(f"{self}: not an allocation and a charge for each bid")
        return outcome

    def left_to(self, i: int) -> Staircase:
        """What the other bids leave to a bid."""
        others = self.quantity[:i] + self.quantity[i + 1 :], self.price[:i] + self.price[i + 1 :]
        return staircase(*others, self.supply, self.reserve)


def _book(random: np.random.Generator, seed: int) -> Book:
    """One with ties, and sold out as often as not, if the numbers are whole; else one without."""
    count, is_whole = int(random.integers(0, 9)), seed % 2 == 0
    quantity, price = random.uniform(1.0, 50.0, count), random.uniform(0.0, 10.0, count)
    supply, reserve = random.uniform(0.2, 1.5) * max(20.0, quantity.sum()), random.choice([0.0, 1.0, 2.5])
    if is_whole:
        quantity, price, supply = quantity.round(), (0.5 * price).round(), round(supply)
    return Book(seed, quantity.tolist(), price.tolist(), float(supply), float(reserve))


def _books() -> Iterator[Book]:
    return (_book(np.random.default_rng(seed), seed) for seed in range(BOOKS))


class Buyer(msgspec.Struct, frozen=True):
    """A buyer before the books of several auctions, in which it has no bid yet."""

    seed: int
    valuation: Valuation
    books: list[Book]
    budget: float

    def __str__(self) -> str:
        return (
            f"buyer {self.seed} ({self.valuation!r}, budget {self.budget:g}) before {', '.join(map(str, self.books))}"
        )

    @property
    def auctions(self) -> list[Staircase]:
        """What the others leave to it, by auction."""
        return [staircase(one.quantity, one.price, one.supply, one.reserve) for one in self.books]

    @property
    def slack(self) -> float:
        """Money that is rounding to it."""
        return FOREIGN_ROUNDING * self.valuation.value(self.valuation.demand_mb)

    def utility(self, mechanism: AuctionMechanism, quantity: Sequence[float], price: Sequence[float]) -> float:
        """Of these bids, money; minus infinity beyond the budget."""
        got = paid = 0.0
        for book, amount, at in zip(self.books, quantity, price, strict=True):
            outcome = mechanism.clear([*book.quantity, amount], [*book.price, at], book.supply, book.reserve)
            got, paid = got + float(outcome.allocation[-1]), paid + float(outcome.charge[-1])
        return self.valuation.value(got) - paid if paid <= self.budget + self.slack else -math.inf

    def deviations(self) -> Iterator[tuple[list[float], list[float]]]:
        """Bids for some of the demand, none of them dearer than the last MB of all of them is worth."""
        random = np.random.default_rng(self.seed)
        for _ in range(DEVIATIONS):
            share = random.dirichlet(np.ones(len(self.books))) * random.uniform(0.0, 1.0)
            quantity = self.valuation.demand_mb * share
            most = self.valuation.marginal(float(quantity.sum()))
            yield quantity.tolist(), (most * random.choice([1.0, random.uniform()], len(self.books))).tolist()


def _buyers() -> Iterator[Buyer]:
    for seed in range(BUYERS):
        random = np.random.default_rng(seed)
        demand, price = float(random.uniform(5.0, 100.0)), float(random.uniform(2.0, 12.0))
        knots = ((0.0, price), (0.4 * demand, 0.5 * price), (demand, 0.0))
        valuation = (Flat(demand, price), Parabolic(demand, price), PiecewiseLinear(knots))[seed % 3]
        budget = math.inf if seed % 4 else float(random.uniform(0.05, 0.5)) * valuation.value(demand)
        yield Buyer(seed, valuation, [_book(random, 2 * seed + 1) for _ in range(1 + seed % 3)], budget)


# Of clearing


def _oversells(mechanism: AuctionMechanism) -> str | None:
    return first(_oversold(book, book.cleared_by(mechanism)) for book in _books())


def _oversold(book: Book, outcome: Clearing) -> str | None:
    sold = float(outcome.allocation.sum())
    if not sold <= book.supply * (1.0 + FOREIGN_ROUNDING):
        return f"{book}: sells {sold:g} MB"
    return None


def _allocates_otherwise(mechanism: AuctionMechanism) -> str | None:
    return first(_otherwise(book, book.cleared_by(mechanism)) for book in _books())


def _otherwise(book: Book, outcome: Clearing) -> str | None:
    expected = book.cleared_by(PSP).allocation
    if np.allclose(outcome.allocation, expected, rtol=FOREIGN_ROUNDING, atol=0.0):
        return None
    return f"{book}: gives {outcome.allocation.tolist()} MB, and should {expected.tolist()}"


def _overcharges(mechanism: AuctionMechanism) -> str | None:
    return first(
        f"{book}: bid {i + 1} pays {outcome.charge[i]:g} for {outcome.allocation[i]:g} MB"
        for book in _books()
        for outcome in [book.cleared_by(mechanism)]
        for i, price in enumerate(book.price)
        if not 0.0 <= outcome.charge[i] <= price * outcome.allocation[i] + (book.slack if outcome.charge[i] else 0.0)
    )


def _undercharges(mechanism: AuctionMechanism) -> str | None:
    return first(
        f"{book}: bid {i + 1} pays {charge:g} for {amount:g} MB"
        for book in _books()
        for i, (amount, charge) in enumerate(zip(*_numbers(book.cleared_by(mechanism)), strict=True))
        if not charge >= book.reserve * amount - book.slack
    )


def _numbers(outcome: Clearing) -> tuple[list[float], list[float]]:
    return outcome.allocation.tolist(), outcome.charge.tolist()


def _expects_otherwise(mechanism: AuctionMechanism) -> str | None:
    return first(
        f"{book}: bid {i + 1} expects to pay {expected:g} for {amount:g} MB, and pays {charge:g}"
        for book in _books()
        for i, (amount, charge) in enumerate(zip(*_numbers(book.cleared_by(mechanism)), strict=True))
        if amount > 0.0
        for expected in [mechanism.charge(book.left_to(i), book.quantity[i], book.price[i], amount)]
        if not abs(expected - charge) <= book.slack
    )


def _minds_the_order(mechanism: AuctionMechanism) -> str | None:
    return first(_reordered(mechanism, book) for book in _books())


def _reordered(mechanism: AuctionMechanism, book: Book) -> str | None:
    order = np.random.default_rng(book.seed).permutation(len(book.price)).tolist()
    quantity, price = [book.quantity[i] for i in order], [book.price[i] for i in order]
    again = msgspec.structs.replace(book, quantity=quantity, price=price).cleared_by(mechanism).charge
    outcome = book.cleared_by(mechanism).charge[order]
    if np.allclose(again, outcome, rtol=0.0, atol=book.slack):
        return None
    return f"{book}: charges {outcome.tolist()}, and in the order {[i + 1 for i in order]} {again.tolist()}"


def _remembers(mechanism: AuctionMechanism) -> str | None:
    once = [_numbers(book.cleared_by(mechanism)) for book in _books()]
    return first(
        f"{book}: {before} the first time, {again} the second"
        for book, before in zip(_books(), once, strict=True)
        for again in [_numbers(book.cleared_by(mechanism))]
        if again != before
    )


# Of a buyer's replies


def _charges_more_for_less(mechanism: AuctionMechanism) -> str | None:
    """Buyers lower what they ask for until it is within their budget."""
    return first(
        f"{book}: {share * amount:g} MB at {price:g} cost {part:g}, and {amount:g} MB {whole:g}"
        for book in _books()
        for steps in [staircase(book.quantity, book.price, book.supply, book.reserve)]
        for price in steps.price
        for amount in [steps.available(price)]
        for whole in [mechanism.charge(steps, amount, price, amount)]
        for share in (0.1, 0.5, 0.9)
        for part in [mechanism.charge(steps, share * amount, price, share * amount)]
        if not part <= share * whole + book.slack
    )


def _is_beaten(mechanism: AuctionMechanism) -> str | None:
    return first(
        f"{buyer}: {_said(*bids)} is worth {utility:g}, and the best reply {best:g}"
        for buyer in _buyers()
        for best in [mechanism.best_reply(buyer.valuation, buyer.auctions, budget=buyer.budget).utility]
        for bids in buyer.deviations()
        for utility in [buyer.utility(mechanism, *bids)]
        if not utility <= best + buyer.slack
    )


def _said(quantity: Sequence[float], price: Sequence[float]) -> str:
    return ", ".join(f"{amount:g} MB at {at:g}" for amount, at in zip(quantity, price, strict=True))


def _promises_too_much(mechanism: AuctionMechanism) -> str | None:
    return first(_broken_promise(mechanism, buyer) for buyer in _buyers())


def _broken_promise(mechanism: AuctionMechanism, buyer: Buyer) -> str | None:
    """A reply with some ε stays clear of ties: it brings what it says, and costs what the buyer has at most."""
    epsilon = min(0.01 * buyer.valuation.value(buyer.valuation.demand_mb), buyer.budget)
    reply = mechanism.best_reply(buyer.valuation, buyer.auctions, epsilon=epsilon, budget=buyer.budget)
    clearance = epsilon / sum(reply.quantity) if any(reply.quantity) else 0.0
    prices = [
        mechanism.bid_price(steps, amount, reply.price, clearance)
        for steps, amount in zip(buyer.auctions, reply.quantity, strict=True)
    ]
    if not reply.cost <= buyer.budget + buyer.slack:
        return f"{buyer}: the best reply costs {reply.cost:g}"
    if not all(0.0 <= price <= reply.price * (1.0 + FOREIGN_ROUNDING) for price in prices):
        return f"{buyer}: bids at {prices}, where the last MB is worth {reply.price:g}"
    ties = any(
        amount > 0.0 and price <= steps.price_at(amount)
        for steps, amount, price in zip(buyer.auctions, reply.quantity, prices, strict=True)
    )
    utility = buyer.utility(mechanism, reply.quantity, prices)
    if ties or abs(utility - reply.utility) <= buyer.slack:
        return None
    return f"{buyer}: the reply {_said(reply.quantity, prices)} is worth {utility:g}, and says {reply.utility:g}"


def _lies(mechanism: AuctionMechanism) -> str | None:
    if not mechanism.is_truthful:
        return None
    return first(_gain_of_lying(mechanism, buyer) for buyer in _buyers() if buyer.budget == math.inf)


def _gain_of_lying(mechanism: AuctionMechanism, buyer: Buyer) -> str | None:
    truthful = PSP.best_reply(buyer.valuation, buyer.auctions)
    cost = sum(
        mechanism.charge(steps, amount, truthful.price, amount)
        for steps, amount in zip(buyer.auctions, truthful.quantity, strict=True)
        if amount > 0.0
    )
    utility = buyer.valuation.value(sum(truthful.quantity)) - cost
    best = mechanism.best_reply(buyer.valuation, buyer.auctions).utility
    tried_bids = ((bids, buyer.utility(mechanism, *bids)) for bids in buyer.deviations())
    better = next((bids for bids, worth in tried_bids if worth > utility + buyer.slack), None)
    if better is not None or best > utility + buyer.slack:
        what = _said(*better) if better else f"the best reply, {best:g},"
        return f"{buyer}: {what} is worth more than the truthful reply, {utility:g}"
    return None


MECHANISM_LAWS = (
    Law("supply", "no more is sold than there is", _oversells),
    Law(
        "allocation",
        "who gets how much is as in every mechanism: dearest bids first, equal ones alike",
        _allocates_otherwise,
    ),
    Law(
        "at most the bid",
        "nobody pays more than its bid or less than nothing, and who gets nothing pays nothing",
        _overcharges,
    ),
    Law("reserve", "nobody pays less than the reserve", _undercharges),
    Law("charge", "a bid pays what charge says", _expects_otherwise),
    Law("order", "the order of the bids plays no part", _minds_the_order),
    Law("pure", "the same book has the same outcome", _remembers),
    Law("unit price", "less of an amount costs no more per MB", _charges_more_for_less),
    Law("best reply", "no other bids, at most at their value, bring more than the best reply says", _is_beaten),
    Law("reply", "a reply brings what it says, within the budget, at most at its value", _promises_too_much),
    Law("truthful", "if it says that it is truthful, nothing brings more than the truthful reply", _lies),
)
