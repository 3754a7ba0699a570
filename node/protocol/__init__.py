"""What nodes say to each other, and the pure machines that decide what to say (docs/protocol.md)."""
