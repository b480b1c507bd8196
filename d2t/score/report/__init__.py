"""Reports and comparisons of scores, and the tables that show them."""
