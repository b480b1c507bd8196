"""A trained model on disk: weights, tokenizer, linearizer, planners, domain, card."""
