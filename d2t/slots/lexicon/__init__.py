"""The lexicon of a domain, compiled into one automaton that finds its wordings in a text."""
