"""Whether this device can take part, and whether the broker refuses what it must."""
