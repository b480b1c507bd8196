"""L7: pairs that nobody wrote: phrases, self-training samples."""
