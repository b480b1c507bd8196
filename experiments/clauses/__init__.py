"""How many outputs have a sentence that does not hold together."""
