"""MR in, checked text out: requests, candidates, verification, streams."""
