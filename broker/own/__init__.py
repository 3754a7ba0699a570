"""A Mosquitto of one's own for many devices: ``broker init`` and ``broker up``."""
