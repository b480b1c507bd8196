"""Frames: how the values of a domain stand in clauses, as data, and texts composed from them."""
