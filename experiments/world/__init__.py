"""Restaurant texts in many styles with gold; their writers saw neither checker nor lexicon."""
