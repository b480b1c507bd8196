"""The observer of LAS (leakage-adjusted simulatability)."""
