"""judge: candidates to verdicts."""
