"""Verified generation at scale: how often it repairs, what it costs, and values nobody has seen."""
