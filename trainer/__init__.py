"""trainer: pairs and the policy in place to the next policy."""
