"""How buyers, sellers and network operators behave: one small class per strategy, randomness injected."""
