"""Where prompts come from: files, datasets, templates, and endpoints that write new ones."""
