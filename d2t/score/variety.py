"""How varied texts are, and how many of them are a training text said again."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from d2t.language.template import template_text, template_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker


def distinct(texts: Iterable[Sequence[str]], n: int) -> float:
    """distinct-n (Li et al. 2016, arXiv:1510.03055, section 5): different n-grams, % of all.

    It falls with the number of texts: only sets of one size compare. 0 without any n-gram.
    """
    shifted = ([words[k:] for k in range(n)] for words in texts)
    grams = Counter(chain.from_iterable(zip(*rows, strict=False) for rows in shifted))
    return 100.0 * len(grams) / max(1, grams.total())


def copied(templates: Sequence[Sequence[str]], seen: frozenset[tuple[str, ...]]) -> float:
    """% of the texts that a training text equals, values of open slots aside."""
    found = sum(tuple(template) in seen for template in templates)
    return 100.0 * found / max(1, len(templates))


def template_of_text(
    text: str, mr: MeaningRepresentation | None, checker: SlotChecker
) -> tuple[str, ...]:
    """Lower-cased words with the values of open slots hidden: what ``copied`` compares."""
    return tuple(template_words(template_text(text, mr, checker, checker.domain)))
