"""Stands in for matplotlib where ``tests.pictures`` hides it."""

raise ImportError("hidden by tests.pictures")
