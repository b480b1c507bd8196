"""Who judges the texts of a system, and the file of what they found: made once, found again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from d2t.errors import DataError
from d2t.io.atomic import atomic_write_json
from d2t.io.manifest import git_state
from d2t.score.records import EvaluationRecord, read_evaluation_records
from experiments.faithfulness.conseq_scores import judged_rows
from experiments.runner.files import is_current

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.judges.parser.learned_parser import LearnedParser
    from d2t.judges.qa.reader import QAReader
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker
    from experiments.runner.kept import Rows


class Asked(Protocol):
    """What a text should say, and what people said."""

    @property
    def mr(self) -> MeaningRepresentation:
        """The content."""
        ...

    @property
    def references(self) -> tuple[str, ...]:
        """Texts of people."""
        ...


@dataclass(frozen=True)
class Judges:
    """The slot checker, and whoever else there is.

    Attributes:
        reader: a QA model that chose nothing.
        parser: was not trained on the lexicon; names and landmarks are the checker's placeholders
            in the texts that it reads.
        parser_name: what tells it from another one.
        n_wordings: questions a slot.
    """

    checker: SlotChecker
    reader: QAReader | None = None
    parser: LearnedParser | None = None
    parser_name: str | None = None
    n_wordings: int = 1

    @property
    def names(self) -> dict[str, str | None]:
        """What tells each of them from another of its kind."""
        return {
            "lexicon": self.checker.lexicon_digest,
            "qa": None if self.reader is None else self.reader.digest,
            "parser": self.parser_name,
        }

    def rows(
        self, path: Path, said: dict[str, Any], asked: Sequence[Asked], *, plans: bool = False
    ) -> Rows:
        """The statistics of an outputs file; beside it stands what they are of.

        Args:
            path: written by ``write_outputs``.
            said: its identity.
            asked: for each text, in the file's order.
            plans: whether the order is judged too: of the plans that the texts followed.

        Raises:
            DataError: the file holds other texts.
        """
        scores = path.with_suffix(".scores.json")
        identity = {**said, **self.names}
        if not is_current(scores, identity):
            records, bad = read_evaluation_records(str(path), self.checker.domain)
            if bad or len(records) != len(asked):
                raise DataError(f"{path} is not what an arm says; remove it and go on")
            whole = [
                EvaluationRecord(r.id, a.mr, r.text, r.plan if plans else None, a.references)
                for r, a in zip(records, asked, strict=True)
            ]
            rows = judged_rows(
                whole, self.checker, self.reader, self.parser, n_wordings=self.n_wordings
            )
            made = {"identity": identity, "git": git_state(), "rows": rows}
            atomic_write_json(scores, made)
        found: Rows = json.loads(scores.read_text(encoding="utf-8"))["rows"]
        return found
