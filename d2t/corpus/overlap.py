"""Keep test meaning representations out of training data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from d2t.corpus.types import Example


def remove_overlap(train: Iterable[Example], test: Iterable[Example]) -> list[Example]:
    """The training examples whose MR is not a test MR, in their order.

    MRs are compared as sets of slots with the dialogue act (``mr.key()``). Rule O1.7: run it after
    correction, because correcting MRs from text can create overlap again.
    """
    held_out = {example.mr.key() for example in test}
    return [example for example in train if example.mr.key() not in held_out]
