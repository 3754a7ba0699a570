"""What operators bid in equilibrium, with private or commonly known reputations; one solver a file."""
