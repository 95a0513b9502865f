"""judge: candidates to verdicts (prefloop)."""
