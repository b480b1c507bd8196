"""What counterfactual pairs are made from; configurations read it, so it imports nothing big."""

from __future__ import annotations

from typing import Literal, get_args

Source = Literal["siblings", "substitution", "noisy"]
"""Real MRs that differ in one thing; a value replaced in the text; references that do not fit."""
SOURCES: tuple[Source, ...] = get_args(Source)
DEFAULT_SOURCES: tuple[Source, ...] = ("siblings", "substitution")
