"""Contrastive training on a model's own good and bad samples (CONSEQ)."""
