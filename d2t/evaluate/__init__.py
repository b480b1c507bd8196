"""L5: metrics over files (torch-free)."""
