"""Token ids in, token ids out: engines, greedy search, beam search, sampling."""
