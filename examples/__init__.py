"""examples: one commented config for each way of running."""
