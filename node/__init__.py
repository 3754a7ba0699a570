"""Everything one market participant is made of: mechanism, strategy, protocol and runtime."""
