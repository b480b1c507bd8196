"""L0: files, streams, hashing, manifests and downloads."""
