"""Self-training on a model's own filtered samples."""
