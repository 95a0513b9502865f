"""texts: how texts are compared."""
