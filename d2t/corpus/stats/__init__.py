"""What a corpus looks like: counts, slot orders, their report."""
