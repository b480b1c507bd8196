"""Contrastive decoding: its options, and the perturbed sources of a request.

A method of research that wraps the torch engine from outside (``contrast_engine``); no generator
and no other engine knows of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from d2t.errors import UsageError, did_you_mean
from d2t.language.delex import relexicalize
from d2t.mr.perturb import (
    PERTURBATIONS,
    Perturbation,
    perturbed_mr,
    perturbed_plan,
    slot_changes,
)
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.generate.types import EncodedRequest
    from d2t.model.bundle.parts import BundleParts
    from d2t.slots.checker import SlotChecker

_OPEN_WORD = re.compile(r"\w+\Z")
_MOST = 62
"""Slots that a mask in a tensor of int64 has room for; no MR that a text could say has more."""


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


class PerturbedRequest:
    """The same request with slots perturbed: all of them, or only those a text has not said yet.

    Slots are numbered; a set of them is a bit mask.

    Attributes:
        options: weight and mask; the same for all requests of a batch.
        everything: the mask of all slots that are perturbed; 0: there is nothing to contrast.
    """

    def __init__(
        self,
        options: ContrastOptions,
        source: EncodedRequest,
        bundle: BundleParts,
        checker: SlotChecker,
        *,
        seed: int,
    ) -> None:
        """Perturb the slots of ``source``; nothing is encoded yet.

        Args:
            options: what to perturb, and when.
            source: what should be said, in the order in which the model reads it; the request's id
                decides, with ``seed``, which values are wrong.
            bundle: writes and encodes sources.
            checker: reads what a text has said.
            seed: of the wrong values.
        """
        self.options = options
        self._source, self._bundle, self._checker = source, bundle, checker
        changes = slot_changes(
            source.request.mr,
            bundle.domain,
            options.perturbation,
            values=bundle.linearizer.inventory.values,
            rng=derived_rng(seed, "contrast", source.request.id),
        )
        self._changes = tuple(changes.items())[:_MOST]
        self.everything = (1 << len(self._changes)) - 1
        self._encoded: dict[int, tuple[int, ...]] = {}
        self._read: dict[str, int] = {}

    def ids(self, said: int = 0) -> tuple[int, ...]:
        """Tokens of the source in which all slots but ``said`` are perturbed, EOS included."""
        if said not in self._encoded:
            changes = {
                slot: other for k, (slot, other) in enumerate(self._changes) if not said >> k & 1
            }
            mr = perturbed_mr(self._source.request.mr, changes)
            plan = perturbed_plan(self._source.orders.read, changes)
            pieces = self._bundle.linearizer.linearize(
                mr, plan, kind=self._source.request.kind
            ).pieces
            self._encoded[said] = tuple(self._bundle.tokenizer.encode_source(pieces))
        return self._encoded[said]

    def said(self, prefix: Sequence[int]) -> int:
        """Which slots the text that begins with the tokens ``prefix`` has said, as a mask.

        A slot counts as said with another value too, since saying it again would be worse. The
        last word is left out while it may go on.
        """
        template = self._bundle.tokenizer.decode(prefix)
        text = _OPEN_WORD.sub("", relexicalize(template, self._source.bindings))
        if text not in self._read:
            mr = self._source.request.mr
            alignment = self._checker.align(text, mr)
            spans = {span.slot for span in alignment.spans}
            names = {slot.name for slot in spans}
            self._read[text] = sum(
                1 << k
                for k, (slot, _) in enumerate(self._changes)
                if slot in spans or (slot.name in names and len(mr.values(slot.name)) == 1)
            )
        return self._read[text]

    def longest(self) -> int:
        """Tokens that no source of this request exceeds: each slot's own growth, added up."""
        if not self.options.dynamic:
            return len(self.ids())
        true = len(self.ids(self.everything))
        alone = (self.everything & ~(1 << k) for k in range(len(self._changes)))
        return true + sum(max(0, len(self.ids(said)) - true) for said in alone)
