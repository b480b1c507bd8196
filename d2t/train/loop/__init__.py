"""The training loop: steps, checkpoints, evaluation, selection."""
