"""L5: tokenizer, models built from scratch, pretrained models, and bundles."""
