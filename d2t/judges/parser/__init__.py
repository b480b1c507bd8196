"""The parser judge: a classifier that reads slots from a text."""
