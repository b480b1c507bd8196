"""L3: examples, readers, fetching, correction, overlap removal, statistics."""
