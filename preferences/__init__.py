"""preferences: preference data of others in, ours out."""
