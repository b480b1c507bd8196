"""Commands that generate, plan and linearize."""
