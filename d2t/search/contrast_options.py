"""What contrastive decoding is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.errors import UsageError, did_you_mean
from d2t.mr.perturb import PERTURBATIONS, Perturbation

if TYPE_CHECKING:
    from d2t.search.backend import SearchBackend


@dataclass(frozen=True, slots=True)
class ContrastOptions:
    """How the true MR is contrasted with a perturbed one (rule F5.5).

    Attributes:
        perturbation: of the other MR: its slots are ``dropped``, have a ``wrong`` value or a
            ``null`` one.
        beta: weight of the other MR's log-probabilities. 0: none, and the plain search; 0.5 is the
            source's.
        plausibility: alpha: tokens with less than this share of the likeliest token's probability
            under the true MR are never said. 0: no such mask, as in the source, whose texts it
            cost 8 to 16 BLEU in a pilot.
        dynamic: perturb only what the text has not said yet, which the checker reads at each word;
            a change is re-encoded and replayed, which costs a few times the time.
    """

    perturbation: Perturbation = "dropped"
    beta: float = 0.25
    plausibility: float = 0.1
    dynamic: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether there is no contrast and no mask, so that the plain search does as well."""
        return self.beta == 0 and self.plausibility == 0

    def __post_init__(self) -> None:
        """Raise ``UsageError`` for options that cannot be run."""
        if self.perturbation not in PERTURBATIONS:
            raise UsageError(
                f"the contrast must be one of {', '.join(PERTURBATIONS)}, was "
                f"{self.perturbation!r}{did_you_mean(str(self.perturbation), PERTURBATIONS)}"
            )
        if not 0 <= self.beta < float("inf"):
            raise UsageError(f"the weight beta of a contrast must be 0 or more, was {self.beta}")
        if not 0 <= self.plausibility <= 1:
            raise UsageError(f"plausibility must be between 0 and 1, was {self.plausibility}")


def runnable_contrast(
    options: ContrastOptions | None, backend: SearchBackend, *, plan_first: bool = False
) -> ContrastOptions | None:
    """The contrast that ``backend`` is to run; None where the plain search does.

    Raises:
        UsageError: the engine cannot step two inputs side by side, or the model's decoder is given
            the plan, which holds what the perturbed input has lost.
    """
    if options is None or options.is_plain:
        return None
    if plan_first:
        raise UsageError(
            "this model's decoder reads the plan with its values, so that a perturbed input takes "
            "nothing from it; contrastive decoding needs a model trained without --objective "
            "counterfactual"
        )
    if not backend.can_contrast:
        raise UsageError(
            f"the {backend.name} engine cannot step two inputs side by side; contrastive decoding "
            "needs the torch engine: --engine torch"
        )
    return options
