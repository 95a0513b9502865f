"""sampler: prompts and policies to candidates."""
