"""Running a market: in one process, or in workers over a broker."""
