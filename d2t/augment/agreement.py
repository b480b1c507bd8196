"""The learned parser as a second judge of labels: both readers must find the same slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from d2t.model.learned_parser import LearnedParser, labels_of

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.augment.labels import Labelled


@dataclass(frozen=True)
class ParserAgreement:
    """Whether a learned parser reads in a sample what the checker read.

    The sources keep the two apart, as two sets of samples (spec §7.5); asking both is ours.
    """

    parser: LearnedParser

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The parser in ``folder``; raises ``BundleError`` where there is none."""
        return cls(LearnedParser.load(folder))

    def agrees(self, labelled: Labelled) -> bool:
        """Whether slots and values are the same; of open values only that there is one."""
        [parsed] = self.parser.parse([labelled.template])
        return parsed.slots == labels_of(labelled.example.mr.slots, self.parser.domain)
