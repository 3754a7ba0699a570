"""Studies of the auction of the Digital Marketplace: what its paper computes, and what its open problem answers."""
