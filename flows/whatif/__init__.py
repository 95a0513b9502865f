"""What a round would be by other settings, from what is stored of it."""
