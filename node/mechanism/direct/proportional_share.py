"""The proportional share (Kelly, 1997) at its equilibrium (Johari & Tsitsiklis, 2004)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from node.mechanism.bisection import turn
from node.mechanism.checks import FloatArray, IntArray
from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.reports import Outcome, Reports
from node.mechanism.valuation import Valuation

MOST_SWEEPS = 1_000
"""Over the sellers, whose prices are set one after the other; two are usual."""

CLEARED = 1e-7
"""Share of a supply: where no more of it is over or wanting, a price clears."""

LEAST_ASK = 1e-6
"""Of what the dearest MB is worth: the ask of a seller without reserve, else a lone buyer would have no best reply."""

STEP = 1e-7
"""Of the logarithm of a markup, for a slope."""

TINY = 1e-300
"""A tolerance that is always met: only relative ones count."""

LARGEST_LOG = 700.0
"""Of which the exponential is finite still."""


@dataclass(frozen=True, slots=True)
class ProportionalShare(DirectMechanism):
    """Buyers pay what they like, and each seller's supply is shared in proportion to what it was paid.

    The seller puts its reserve price for the whole supply beside what it is paid, and keeps that share: so no MB goes
    for less than the reserve. Buyers report nothing that could be false: one *lies* by replying to how its money moves
    prices, instead of taking them for given.
    """

    @property
    def is_equilibrium(self) -> bool:
        """Yes."""
        return True

    def outcome(self, reports: Reports) -> Outcome:
        """The equilibrium.

        Raises
        ------
        ArithmeticError
            If its prices are not found.

        Examples
        --------
        >>> from node.mechanism.valuation import Flat
        >>> outcome = ProportionalShare().outcome(Reports.of([Flat(100, 2), Flat(100, 1)], [90], ([0, 1], [0, 0])))
        >>> outcome.quantity.round(2).tolist(), outcome.charge.round(2).tolist()
        ([60.0, 30.0], [40.0, 20.0])
        """
        game = _Game.of(reports)
        price = game.prices()
        money = price[reports.seller] * game.amounts(price)
        paid = game.ask * reports.supply + game.by_seller(money)
        return Outcome(_shares(reports.supply, paid)[reports.seller] * money, money)

    def gain_of_lying(self, reports: Reports, outcome: Outcome, buyer: int) -> float:
        """Money that the buyer gains by anticipating prices over taking them, where the others pay as they do."""
        theta, budget, pool = reports.valuations[buyer], reports.budgets[buyer], reports.pool(buyer)
        game, supply = _Game.of(reports), reports.supply[reports.seller[pool]]
        others = game.ask * reports.supply + game.by_seller(np.where(reports.buyer == buyer, 0.0, outcome.charge))
        rivals = others[reports.seller[pool]]

        def payments(worth: float) -> FloatArray:
            return np.maximum(worth * supply - rivals, 0.0)  # at which the price (w + W)/D is that

        def wants_more(worth: float) -> bool:
            money = payments(worth)
            return float((_shares(supply, money + rivals) * money).sum()) < theta.demand(worth) and money.sum() < budget

        money = payments(turn(wants_more, 0.0, theta.marginal(0.0)))
        honest = theta.value(float((_shares(supply, money + rivals) * money).sum())) - float(money.sum())
        return max(0.0, theta.value(float(outcome.quantity[pool].sum())) - float(outcome.charge[pool].sum()) - honest)


@dataclass(frozen=True, slots=True)
class _Game:
    """What buyers pay each seller.

    Attributes
    ----------
    ask
        Shape (m,), what each seller puts beside what it is paid, price per MB of its supply.
    pools
        The edges of each buyer, by index.
    """

    reports: Reports
    ask: FloatArray
    pools: Sequence[IntArray]

    @classmethod
    def of(cls, reports: Reports) -> "_Game":
        """The game among buyers of these valuations."""
        pools = [reports.pool(i) for i in range(len(reports.valuations))]
        return cls(reports, np.maximum(reports.reserve, LEAST_ASK * dearest_mb(reports)), pools)

    def by_seller(self, along: FloatArray) -> FloatArray:
        """The sums over each seller's edges, shape (m,)."""
        sellers = self.reports.supply.size
        return np.bincount(self.reports.seller, weights=along, minlength=sellers).astype(np.float64)

    def amounts(self, price: FloatArray, buyers: Sequence[int] | None = None) -> FloatArray:
        """MB that buyers take along each edge, shape (e,), where sellers are paid so much per MB, by them included."""
        reports, amounts = self.reports, np.zeros(self.reports.buyer.size)
        for i in range(len(self.pools)) if buyers is None else buyers:
            sellers = reports.seller[self.pools[i]]
            offered = reports.supply[sellers].tolist(), price[sellers].tolist()
            amounts[self.pools[i]] = _reply(reports.valuations[i], reports.budgets[i], *offered)
        return amounts

    def excess(self, price: FloatArray, buyers: Sequence[int] | None = None) -> FloatArray:
        """Share of each supply that is wanted beyond it, shape (m,); what the seller keeps is wanted too."""
        return _shares(self.by_seller(self.amounts(price, buyers)), self.reports.supply) + self.ask / price - 1.0

    def prices(self) -> FloatArray:
        """Those at which every supply is just taken, shape (m,), per MB.

        To raise one price makes buyers want more elsewhere, never less. So prices that are set one after the other,
        from the asks up, only rise, and come to rest where all clear. Newton's method is there sooner, where it works.
        """
        price = self.ask
        for _ in range(MOST_SWEEPS):
            price = self._swept(price)
            for candidate in (price, self._near(price)):
                if np.abs(self.excess(candidate)).max(initial=0.0) <= CLEARED:
                    return candidate
        raise ArithmeticError(f"the prices of a proportional share were not found in {MOST_SWEEPS} sweeps")

    def _near(self, price: FloatArray) -> FloatArray:
        """Where Newton's method leads from there, with the prices of sellers whom nobody pays left as they are."""
        from scipy.optimize import root  # noqa: PLC0415 - an optional dependency

        paid = np.flatnonzero(price > self.ask)

        def marked_up(log_markup: FloatArray) -> FloatArray:
            prices = price.copy()
            prices[paid] = self.ask[paid] + np.exp(np.minimum(log_markup, LARGEST_LOG))
            return prices

        def excess(log_markup: FloatArray) -> FloatArray:
            return self.excess(marked_up(log_markup))[paid]

        def slopes(log_markup: FloatArray) -> FloatArray:
            """Column by column: a seller's price moves the amounts of its own buyers only."""
            reports, prices = self.reports, marked_up(log_markup)
            amounts, columns = self.amounts(prices), list[FloatArray]()
            for k, j in enumerate(paid.tolist()):
                moved = log_markup.copy()
                moved[k] += STEP
                there, own = marked_up(moved), np.isin(reports.buyer, reports.buyer[reports.seller == j])
                change = np.where(own, self.amounts(there, np.unique(reports.buyer[own]).tolist()) - amounts, 0.0)
                wanted = _shares(self.by_seller(change), reports.supply) + self.ask / there - self.ask / prices
                columns.append(wanted[paid] / STEP)
            return np.column_stack(columns)

        return marked_up(root(excess, np.log(price[paid] - self.ask[paid]), jac=slopes).x) if paid.size else price

    def _swept(self, price: FloatArray) -> FloatArray:
        """The price of one seller after the other raised to where its supply is just taken."""
        from scipy.optimize import brentq  # noqa: PLC0415

        reports, price, highest = self.reports, price.copy(), dearest_mb(self.reports)
        for j in np.flatnonzero(reports.supply).tolist():
            buyers = reports.buyer[reports.seller == j].tolist()

            def excess(at: float, j: int = j, buyers: Sequence[int] = buyers) -> float:
                price[j] = at
                return float(self.excess(price, buyers)[j])

            low = float(price[j])
            price[j] = brentq(excess, low, highest, xtol=TINY, rtol=1e-12) if excess(low) > 0.0 else low
        return price


def dearest_mb(reports: Reports) -> float:
    """The most that any MB is worth to anybody, price per MB."""
    return max((theta.marginal(0.0) for theta in reports.valuations), default=0.0)


def _shares(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros(part.size), where=whole > 0.0)


def _reply(theta: Valuation, budget: float, supply: Sequence[float], price: Sequence[float]) -> list[float]:
    """MB that a buyer takes of each seller: where the last one is worth what it costs, or the budget just suffices.

    Who gets x of D MB at the price p pays p·x, and p·D/(D - x) for the next one: it gets D·(1 - p/λ) where that is λ.
    """
    from scipy.optimize import brentq  # noqa: PLC0415

    def taken(worth: float) -> list[float]:
        return [
            whole * (1.0 - asked / worth) if worth > asked else 0.0 for whole, asked in zip(supply, price, strict=True)
        ]

    def excess(worth: float) -> float:
        amounts = taken(worth)
        spent = sum(asked * amount for asked, amount in zip(price, amounts, strict=True))
        return max(sum(amounts) - theta.demand(worth), spent - budget)

    low, high = min(price, default=0.0), theta.marginal(0.0)
    if low >= high or excess(low) >= 0.0:
        return [0.0] * len(supply)
    return taken(brentq(excess, low, high, xtol=TINY, rtol=1e-12))
