"""What a strategy of anybody must fulfil, tried out: for its author, at the command line and in tests."""
