"""A page that shows a market as it settles (docs/live.md)."""
