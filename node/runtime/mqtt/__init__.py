"""The world mqtt: a host on a real broker."""
