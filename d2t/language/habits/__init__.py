"""Habits of English that a correct text keeps: verbs, endings, links, no stutter."""
