"""Models that judge texts, each with its own training."""
