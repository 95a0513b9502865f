"""starter: the embedded policy, judge and gold scorer, and what made them."""
