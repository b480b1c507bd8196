"""How well fluency scores find the samples that a reader calls broken English."""
