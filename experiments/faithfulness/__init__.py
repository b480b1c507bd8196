"""Faithfulness beyond slots (issue 5): one runner a section, each with its TOML."""
