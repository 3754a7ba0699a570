"""How buyers bid and sellers set their reserve in the exchange: one small class per strategy."""
