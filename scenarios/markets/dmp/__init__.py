"""Scenarios of the Digital Marketplace: what a file may say, the market it draws, and what a run of it comes to."""
