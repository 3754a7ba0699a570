"""Scenarios: described in files, run in either world, kept as results."""
