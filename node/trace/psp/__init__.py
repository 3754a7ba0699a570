"""Figures and ledger of an exchange."""
