"""Markets of the exchange as environments for bidders that learn (docs/learning.md)."""
