"""Matching by the operator of an exchange, who keeps what buyers pay beyond what sellers ask."""

from dataclasses import dataclass

from node.mechanism.direct.mechanism import DirectMechanism
from node.mechanism.direct.reports import Outcome, Reports, had, totals
from node.mechanism.direct.vcg import product_of
from node.mechanism.welfare import best_trades


@dataclass(frozen=True, slots=True)
class OperatorMatching(DirectMechanism):
    """The operator matches bids and asks so that the spread between them is largest (Zheng et al., 2015).

    Every MB is charged what its buyer said it is worth, and its seller gets its ask. So the largest spread is that of
    the most gains from trade, as far as the reports are true, and nobody gains by a true report.
    """

    def outcome(self, reports: Reports) -> Outcome:
        """The best trades by the reports, each paid as reported.

        Examples
        --------
        >>> from node.mechanism.valuation import Flat
        >>> reports = Reports.of([Flat(60, 4), Flat(60, 2)], [100], ([0, 1], [0, 0]))
        >>> OperatorMatching().outcome(reports).charge.round(6).tolist()
        [240.0, 80.0]
        """
        theta = reports.payable
        quantity = best_trades(theta, reports.supply, reports.reserve, reports.edges).quantity
        worth = [one.value(amount) for one, amount in zip(theta, totals(reports, quantity).tolist(), strict=True)]
        return Outcome.charged(reports, quantity, worth)

    def most_to_gain(self, reports: Reports, outcome: Outcome, buyer: int) -> float:
        """What the market gains by the buyer, less what it has: who gets something said that it is worth as much."""
        return product_of(reports, buyer) - had(reports, outcome, buyer)
