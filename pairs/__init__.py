"""pairs: verdicts to preference pairs."""
