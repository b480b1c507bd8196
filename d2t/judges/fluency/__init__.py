"""The fluency judge: a classifier of English against corrupted English."""
