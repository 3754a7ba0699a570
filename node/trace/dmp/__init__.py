"""Figures and ledger of a Digital Marketplace."""
