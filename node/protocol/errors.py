"""Three errors that must not be confused: a stale message, a message no correct peer sends, a bug of our own."""


class IgnoredError(Exception):
    """A message that is right but changes nothing: repeated, overtaken, or of an auction that is over."""


class RejectedError(Exception):
    """A peer sent what no correct peer sends: malformed, unauthorised or impossible. Counted, dropped, never fatal."""


class ProtocolUsageError(Exception):
    """Our own program used the protocol room wrongly; a bug of ours, never of a peer."""
