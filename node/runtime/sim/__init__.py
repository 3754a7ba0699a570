"""The world sim: hosts on a network and a time that are simulated."""
