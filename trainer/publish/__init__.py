"""A policy of a run as others load it: merged or as an adapter, with a model card."""
