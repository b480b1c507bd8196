"""Phrases: parts of references that stand alone, each with its own MR."""
