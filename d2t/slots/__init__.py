"""L2: the lexicon, the slot checker and aligner (torch-free)."""
