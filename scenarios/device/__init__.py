"""One node on a device of its own, which takes part in a market for as long as it lasts (docs/devices.md)."""
