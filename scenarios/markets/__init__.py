"""The kinds of markets, and finding a scenario's."""
