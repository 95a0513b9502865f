"""gate: verdicts on held-out answers to a decision, with reasons."""
