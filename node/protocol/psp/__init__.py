"""The exchange: its messages, and the machines of sellers and buyers."""
