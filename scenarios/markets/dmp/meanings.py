"""What the figures and pictures of a Digital Marketplace are about, for a report (docs/results.md)."""

from scenarios.markets.kind import Meaning

FIGURES = {
    "calls": Meaning("Calls", "", "Auctions held, one for each call."),
    "served": Meaning("Served", "calls", "Carried to their end."),
    "decommitted": Meaning(
        "Decommitted", "calls", "Won by an operator that could not carry them, or not to their end."
    ),
    "blocked": Meaning("Blocked", "calls", "That nobody offered to carry at a price that counts."),
    "paid": Meaning("Paid", "money", "To operators, for the calls served, without agents' fees."),
    "mean_price": Meaning("Mean price", "money per call", "Of the calls served."),
    "efficient": Meaning(
        "Efficient contracts", "share", "That went to an operator with the least w · cost + (1 - w) · reputation."
    ),
    "excess": Meaning("Excess", "", "How much more than that least the winners had, on average."),
    "market_s": Meaning("Market time", "s", "When the last call was made, in seconds of the market."),
    "calls_per_s": Meaning("Calls per second", "1/s", "Calls held in each second of the clock."),
}

PICTURES = {
    "calls": "Share of the contracts, revenue, price, decommitted share and reputation of each operator, and the share "
    "of calls that were not served, over market time.",
    "terminals": "What each terminal paid per call served, and which share of its calls was not served.",
}
