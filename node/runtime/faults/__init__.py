"""What a fault plan does to frames, posts and clocks, in both worlds."""
