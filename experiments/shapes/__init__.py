"""What the shape of the network costs: depth, width, vocabulary, tied weights."""
