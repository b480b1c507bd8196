"""L8: the training loop."""
