"""Learners among the buyers of the world ``array``."""

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np

from node.mechanism.checks import FloatArray
from node.rounds.desks import Desks, View
from node.rounds.play import ROUNDS_PER_SURVEY
from node.runtime.streams import stream
from node.strategy.psp.policy import LEVELS, OWN, OWN_SIZE, SLOT, SLOT_SIZE, size_of
from scenarios.markets.psp.array import check_arrayable, play_of
from scenarios.markets.psp.market import Market
from scenarios.markets.psp.schema import AdaptiveStrategy


class ArrayWorld:
    """A market in rounds, in which some buyers bid what they are told; a step is as many rounds as fit into it.

    Attributes
    ----------
    play
        The market as it stands.
    """

    def __init__(self, market: Market, learners: Sequence[str], slots: int, step_s: float) -> None:
        market = _scripted(market, set(learners))
        check_arrayable(market)
        names = [buyer.name for buyer in market.buyers]
        self._names = list(learners)
        self._who = np.array([names.index(name) for name in learners])
        self.play = play_of(market, self._who)
        demand, choke = self.play.demand_mb[self._who], self.play.choke_price[self._who]
        self._demand, self._price = demand[:, None], choke[:, None]
        levels = np.arange(1, LEVELS + 1) / LEVELS
        self._desks = Desks(self.play, self._who, self._price * levels)
        self._random = stream(market.seed, "array", "rounds")
        self._slots = slots
        is_alone = self._who.size == len(names)
        self._rounds = 0 if is_alone else max(1, round(step_s / market.auction.clearing_interval_s))
        self._bids = np.zeros((2, self._who.size, slots))
        self._seen = np.zeros((self._who.size, size_of(slots)))
        self._seen[:, : len(OWN)], self._seen[:, len(OWN) : OWN_SIZE] = 1.0, 1.0 - levels
        self._look()

    def _look(self) -> None:
        view = self._desks.view()
        self._utility = self._desks.utility(view)
        self._fill(self._seen[:, OWN_SIZE:].reshape(self._who.size, -1, SLOT_SIZE), view)
        np.minimum(self._seen, 1.0, out=self._seen)

    def _fill(self, slots: FloatArray, view: View) -> None:
        money, used = self._demand * self._price, view.supply.shape[1]
        parts = (
            view.is_open,
            view.supply / self._demand,
            view.reserve / self._price,
            view.quantity / self._demand,
            view.price / self._price,
            view.allocation / self._demand,
            view.charge / money,
        )
        for column, part in enumerate(parts):
            slots[:, :used, column] = part
        first = len(SLOT)
        slots[:, :used, first : first + LEVELS] = view.available / self._demand[:, :, None]
        slots[:, :used, first + LEVELS :] = view.cost / money[:, :, None]

    def observe(self) -> dict[str, FloatArray]:
        """What each learner sees, to keep and to write into."""
        return dict(zip(self._names, self._seen.copy(), strict=True))

    def utilities(self) -> dict[str, float]:
        """What each learner would have if all auctions were awarded now, money."""
        return dict(zip(self._names, self._utility.tolist(), strict=True))

    def step(self, actions: Mapping[str, FloatArray], leaving: Collection[str] = ()) -> None:
        """Let the learners bid, and then the others, for some rounds; who leaves or is told nothing bids nothing."""
        self.carry_out({name: action for name, action in actions.items() if name not in leaving})
        self._look()

    def carry_out(self, actions: Mapping[str, FloatArray]) -> None:
        """A step that nobody looks at."""
        shares = np.zeros((self._who.size, self._slots, 2))
        for k, name in enumerate(self._names):
            if name in actions:
                shares[k] = actions[name]
        used = self._desks.seller.shape[1]
        quantity, price = self._demand * shares[:, :, 0], self._price * shares[:, :, 1]
        self._desks.bid(quantity[:, :used], price[:, :used])
        for _ in range(self._rounds):
            if self.play.rounds % ROUNDS_PER_SURVEY == 0:
                self.play.survey()
            self.play.round(self._random)

    def end(self, actions: Mapping[str, FloatArray], leaving: Collection[str], timeout_s: float) -> None:
        """Another step: what stands after it is what they get."""
        del timeout_s
        self.step(actions, leaving)


def _scripted(market: Market, learners: set[str]) -> Market:
    """The market without what happens to learners, which the environment sees to, and their own strategies."""
    scripted = [buyer.strategy for buyer in market.buyers if buyer.name not in learners]
    stand_in = scripted[0] if scripted else AdaptiveStrategy()
    buyers = [
        msgspec.structs.replace(buyer, strategy=stand_in) if buyer.name in learners else buyer
        for buyer in market.buyers
    ]
    shifts = [shift for shift in market.shifts if shift.node not in learners]
    return msgspec.structs.replace(market, buyers=buyers, shifts=shifts)
