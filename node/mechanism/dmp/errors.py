class NoEquilibriumError(ValueError):
    """No bid is best: winning does not depend on the price, so every higher one is better (Proposition 1)."""
