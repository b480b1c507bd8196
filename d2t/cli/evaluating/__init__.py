"""Commands that check, parse, score and compare."""
