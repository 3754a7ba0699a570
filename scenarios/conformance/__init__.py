"""What a strategy or a mechanism of anybody must fulfil, tried out: for its author, at the command line and in tests."""
