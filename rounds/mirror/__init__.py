"""A run's finished rounds at another address: sent, checked on arrival, and fetched again."""
