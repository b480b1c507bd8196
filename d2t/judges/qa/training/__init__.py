"""Training of the question answering model, with distractors."""
