"""How good a text is for an MR, by everything that CONSEQ may choose by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sacrebleu.metrics.bleu import BLEU

from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.quals import quals
from d2t.score.text import RougeL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.judges.qa.types import QuestionAnswerer
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker

Scores = dict[str, float | None]


class Row(NamedTuple):
    """One text to be scored.

    Attributes:
        others: references that its words are compared with; a reference's own text is not there.
    """

    mr: MeaningRepresentation
    text: str
    others: tuple[str, ...]


class TextScorer:
    """Scores rows by every selector that can be computed (``ConseqObjective`` says what they are).

    Attributes:
        reader: answers questions; without one there is no ``quals`` and no ``quals2``.
    """

    def __init__(self, checker: SlotChecker, reader: QuestionAnswerer | None) -> None:
        self.checker, self.reader = checker, reader
        self._bleu, self._rouge = BLEU(effective_order=True), RougeL()

    def score(self, rows: Sequence[Row]) -> list[Scores]:
        """Scores of each row; a score does not depend on the rows beside it."""
        found: list[Scores] = [
            {
                "ser": -float(self.checker.check(row.text, row.mr).n_errors),
                "overlap": self.overlap(row),
            }
            for row in rows
        ]
        if self.reader is not None:
            domain, questions = self.reader.domain, self.reader.questions
            pairs = [context_pair(row.mr, row.text, domain, questions) for row in rows]
            for scores, judged in zip(found, quals(pairs, self.reader), strict=True):
                scores["quals"], scores["quals2"] = judged.precision, judged.total
        return found

    def overlap(self, row: Row) -> float | None:
        """Mean of sentence BLEU and ROUGE-L (0-100); None without anything to compare with."""
        if not row.others:
            return None
        bleu = self._bleu.sentence_score(row.text, list(row.others)).score
        return (bleu + self._rouge.sentence_score(row.text, list(row.others)).score) / 2
