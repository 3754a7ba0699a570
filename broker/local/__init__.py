"""Brokers that are started here, for one run, and stopped with it."""
