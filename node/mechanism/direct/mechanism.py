"""What the program asks of a mechanism that works everything out at once."""

import math

from node.mechanism.direct.lying import gain_of_lying, largest_gain, least_gain, with_most_at_stake
from node.mechanism.direct.reports import Bundle, Outcome, Reports


class DirectMechanism:
    """Everybody reports once; who gets what for how much follows, without any exchange of bids."""

    @property
    def is_equilibrium(self) -> bool:
        """Whether nobody gains by doing otherwise than in its outcome, so that to lie means something else."""
        return False

    def outcome(self, reports: Reports) -> Outcome:
        """Who gets what, and pays how much."""
        raise NotImplementedError

    def bundle(self, reports: Reports, buyer: int) -> Bundle:
        """What one buyer gets and pays in all, which may be less work than the outcome of all."""
        outcome, pool = self.outcome(reports), reports.pool(buyer)
        return float(outcome.quantity[pool].sum()), float(outcome.charge[pool].sum())

    def gain_of_lying(self, reports: Reports, outcome: Outcome, buyer: int) -> float:
        """Money that one buyer gains by the best misreport that is found, where these reports are the truth.

        ``outcome`` is that of these reports.
        """
        del outcome
        return gain_of_lying(self.bundle, reports, buyer)

    def most_to_gain(self, reports: Reports, outcome: Outcome, buyer: int) -> float:
        """Money that no misreport of this buyer gains more than, as the mechanism knows it: infinite if it does not."""
        del reports, outcome, buyer
        return math.inf

    def largest_gain_of_lying(self, reports: Reports, outcome: Outcome) -> tuple[int, float]:
        """The buyer that gains most by ``gain_of_lying``, by index, and how much, money."""
        return largest_gain(
            {buyer: self.most_to_gain(reports, outcome, buyer) for buyer in with_most_at_stake(reports, outcome)},
            lambda buyer: self.gain_of_lying(reports, outcome, buyer),
            least_gain(reports),
        )
