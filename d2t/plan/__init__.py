"""L4: utterance planners."""
