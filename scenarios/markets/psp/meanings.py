"""What the figures and pictures of an exchange are about, for a report (docs/results.md)."""

from scenarios.markets.kind import Meaning

FIGURES = {
    "efficiency": Meaning(
        "Efficiency", "share", "Of the most that the market allows, by the measure in the row efficiency_of below."
    ),
    "efficiency_loss": Meaning("Lost of the optimum", "money", "What is missing of that most."),
    "welfare": Meaning("Welfare", "money", "What the data that buyers have is worth to them, in all."),
    "optimum": Meaning(
        "Optimum of welfare", "money", "The most that supplies and pools of sellers allow, or a bound of it."
    ),
    "epsilon_gap": Meaning(
        "ε-Nash gap", "money", "The most that any buyer would have gained, had it alone bid otherwise."
    ),
    "truthfulness_gap": Meaning(
        "Gain of misreporting", "money", "The most for any buyer, over its best truthful bids."
    ),
    "sold": Meaning("Sold", "MB", "By all sellers together."),
    "supply": Meaning("Supply", "MB", "Of all sellers together."),
    "revenue": Meaning("Revenue", "money", "What all buyers pay together."),
    "buyers_at_a_loss": Meaning("Buyers at a loss", "", "How many pay more than what they have is worth to them."),
    "bids": Meaning("Bids", "", "Bids and withdrawals that buyers decided on."),
}

PICTURES = {
    "convergence": "Market price and share sold of each seller, what is missing of the optimum, and the most that a "
    "buyer could still gain, over time.",
}
