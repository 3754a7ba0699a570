"""The impure room: the same hosts over MQTT, or in a simulated network on virtual time."""
