"""viewer: rounds to the pages that people look at."""
