"""The perturbed sources of one request: all its slots, or only what a text has not said yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from d2t.language.delex import relexicalize
from d2t.mr.perturb import perturbed_mr, perturbed_plan, slot_changes
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from d2t.generate.types import GenerationRequest
    from d2t.model.bundle.bundle_parts import BundleParts
    from d2t.mr.types import Plan
    from d2t.search.contrast_options import ContrastOptions
    from d2t.slots.checker import SlotChecker

_OPEN_WORD = re.compile(r"\w+\Z")
_MOST = 62
"""Slots that a mask in a tensor of int64 has room for; no MR that a text could say has more."""


class ContrastSource:
    """What a request is contrasted with, see ``PerturbedSource``."""

    def __init__(
        self,
        options: ContrastOptions,
        request: GenerationRequest,
        plan: Plan,
        bundle: BundleParts,
        checker: SlotChecker,
        bindings: Mapping[str, str],
        *,
        seed: int,
    ) -> None:
        """The sources of ``request`` as the bundle's model reads them in the order of ``plan``.

        Args:
            options: what to perturb, and when.
            request: what should be said; its id decides, with ``seed``, which values are wrong.
            plan: the order in which the model reads the true MR.
            bundle: writes and encodes sources.
            checker: reads what a text has said.
            bindings: what the placeholders of the true source stand for.
            seed: of the wrong values.
        """
        self.options = options
        self._request, self._plan, self._bindings = request, plan, bindings
        self._bundle, self._checker = bundle, checker
        changes = slot_changes(
            request.mr,
            bundle.domain,
            options.perturbation,
            values=bundle.linearizer.inventory.values,
            rng=derived_rng(seed, "contrast", request.id),
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
            mr = perturbed_mr(self._request.mr, changes)
            plan = perturbed_plan(self._plan, changes)
            pieces = self._bundle.linearizer.linearize(mr, plan, kind=self._request.kind).pieces
            self._encoded[said] = tuple(self._bundle.tokenizer.encode_source(pieces))
        return self._encoded[said]

    def said(self, prefix: Sequence[int]) -> int:
        """Which slots the text that begins with the tokens ``prefix`` has said, as a mask.

        A slot counts as said with another value too, since saying it again would be worse. The
        last word is left out while it may go on.
        """
        template = self._bundle.tokenizer.decode(prefix)
        text = _OPEN_WORD.sub("", relexicalize(template, self._bindings))
        if text not in self._read:
            alignment = self._checker.align(text, self._request.mr)
            spans = {span.slot for span in alignment.spans}
            names = {slot.name for slot in spans}
            self._read[text] = sum(
                1 << k
                for k, (slot, _) in enumerate(self._changes)
                if slot in spans or (slot.name in names and self._is_single(slot.name))
            )
        return self._read[text]

    def longest(self) -> int:
        """Tokens that no source of this request exceeds: each slot's own growth, added up."""
        if not self.options.dynamic:
            return len(self.ids())
        true = len(self.ids(self.everything))
        alone = (self.everything & ~(1 << k) for k in range(len(self._changes)))
        return true + sum(max(0, len(self.ids(said)) - true) for said in alone)

    def _is_single(self, name: str) -> bool:
        return len(self._request.mr.values(name)) == 1
