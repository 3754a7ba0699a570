"""What anybody's strategy or mechanism must fulfil, tried out: for its author, at the command line and in tests."""
