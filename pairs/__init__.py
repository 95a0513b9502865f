"""pairs: verdicts to preference pairs (prefloop)."""
