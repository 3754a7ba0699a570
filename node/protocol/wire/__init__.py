"""From messages to bytes and back: frames, signatures, and how much of them a host takes."""
