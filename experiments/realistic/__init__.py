"""Texts for realistic restaurant records, most of whose values no corpus has, read by people."""
