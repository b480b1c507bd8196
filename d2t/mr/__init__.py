"""L1: meaning representations, plans, domains, and their written forms."""
