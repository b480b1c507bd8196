"""AT: the order in which the reference itself mentions the slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from d2t.errors import DataError
from d2t.linearize.base import StrategyBase

if TYPE_CHECKING:
    from random import Random

    from d2t.corpus.types import Example
    from d2t.mr.types import Plan


class AlignmentTraining(StrategyBase):
    """The aligned order of the example's reference, repeats kept.

    Kedzie & McKeown 2020, "AT"; rule O2. It exists where a reference has been aligned; the order of
    a new MR comes from a user or a planner. Departure: where the plan knows its sentences, the
    source shows their ends too, so that a user can say what is told in one sentence; the paper's
    plans have no sentences.
    """

    name: ClassVar[str] = "alignment"
    alias: ClassVar[str] = "at"
    needs_planner: ClassVar[bool] = True
    plans_sentences: ClassVar[bool] = True

    def order(self, example: Example, *, rng: Random) -> Plan:
        """``example.plan``; ``rng`` is not used.

        Raises:
            DataError: the example has no plan.
        """
        if example.plan is None:
            raise DataError(
                f"example {example.id!r} has no plan, and alignment training reads its order "
                "from one; align the corpus first (`align_examples`), or give a plan: "
                "`--plan area,food,name`, a `plan` field in the record, or a planner",
                code="no_plan",
            )
        return example.plan
