"""sampler: prompts and policies to candidates (prefloop)."""
