"""texts: how texts are compared (prefloop)."""
