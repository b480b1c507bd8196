"""L5: slot errors, order, text overlap, intervals, paired tests; runs on files, without torch."""
