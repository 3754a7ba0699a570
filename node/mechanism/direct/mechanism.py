"""What the program asks of a mechanism that works everything out at once."""

from node.mechanism.direct.lying import gain_of_lying
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
