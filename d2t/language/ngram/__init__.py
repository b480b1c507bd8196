"""The n-gram language model and how fluent it finds a text."""
