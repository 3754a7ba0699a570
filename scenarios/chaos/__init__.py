"""Faults in scenario files: what they may say, what they mean for hosts, and what is expected in spite of them."""
