"""prompts: rubrics, recipes, principles and prompt sets, text only."""
