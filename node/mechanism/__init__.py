"""Market mechanisms as pure functions over numpy arrays."""
