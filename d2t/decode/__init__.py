"""L6: search, generation pipelines and their protocol."""
