"""The CONSEQ objective, under the name by which a configuration chooses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d2t.recipes.conseq.options import ConseqOptions
from d2t.train.config.objective import OBJECTIVES

if TYPE_CHECKING:
    from d2t.train.loop.objective import RunContext
    from d2t.train.loop.parts import StepParts


@OBJECTIVES.register("conseq")
class ConseqObjective(ConseqOptions):
    """Contrastive training (CONSEQ, ACL 2021; rules F2, F5.4)."""

    def parts(self, run: RunContext) -> StepParts:
        """S+ and S- of a round, which is drawn first unless ``round`` names one."""
        from d2t.recipes.conseq.parts import contrastive_parts

        return contrastive_parts(self, run)
