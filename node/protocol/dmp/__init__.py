"""The Digital Marketplace: its messages, and the machines of its agents and terminals."""
