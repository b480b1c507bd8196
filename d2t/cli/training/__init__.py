"""Commands that train and augment."""
