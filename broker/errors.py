class BrokerError(Exception):
    """A broker cannot be started or used: one line that names what failed and the remedy."""
