"""How buyers and sellers behave: one small class per strategy, randomness injected."""
