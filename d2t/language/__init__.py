"""Delexicalized templates, the placeholders in them, and how values are put back."""
