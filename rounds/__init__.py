"""rounds: the record of a round (tables, ids, manifest, lock), and reading it."""
