"""People who take part in a market from a browser, as a node each (docs/live.md)."""
