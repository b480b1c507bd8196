"""L4: the linearization strategies, delexicalization, and source-string rendering."""
