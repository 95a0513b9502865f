"""Which prompts a round gets."""
