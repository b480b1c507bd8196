"""Claims beyond the record: what is learnt as neutral frame, and how well claims are found."""
