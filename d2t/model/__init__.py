"""Tokenizer, models built from scratch, pretrained models, and bundles."""
