"""Whole trainings: from a configuration to a bundle."""
