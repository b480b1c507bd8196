"""Corpus records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from d2t.mr.types import MeaningRepresentation, Plan


@dataclass(frozen=True, slots=True)
class Example:
    """One MR with its references.

    Attributes:
        id: unique and stable within a corpus file (``e2e_cleaned-train-17``).
        mr: the meaning representation.
        references: one text for training pairs, all of them when grouped for evaluation.
        plan: the aligned order of the first reference, or None when it is not known.
        kind: None for an utterance, else what part of one the reference is (``clause``, ...):
            phrase augmentation, rule O3.1.
    """

    id: str
    mr: MeaningRepresentation
    references: tuple[str, ...] = ()
    plan: Plan | None = None
    kind: str | None = None
