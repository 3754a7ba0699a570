"""The exchange: scenario tables, checks, drawing, machines, results, tables, pictures."""
