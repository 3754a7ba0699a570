"""What a trace or a journal shows, folded record by record; pure."""
