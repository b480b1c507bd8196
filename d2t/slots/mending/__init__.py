"""Show, mend and test the wordings of a lexicon."""
