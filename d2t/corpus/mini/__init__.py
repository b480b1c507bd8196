"""The embedded corpus: a small grammar of our own that says slots in any order asked for."""
