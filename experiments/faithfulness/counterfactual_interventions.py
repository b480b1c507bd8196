"""Plans that somebody has changed, and whether the utterance follows them or the MR.

An intervention (rule F5.6 ii) keeps the MR and changes the plan in the decoder:
``permute`` its order, ``drop`` a slot, ``swap`` a value. Under the factual tag, which the library
itself never does: it refuses a plan that is no order of the MR; and under the counterfactual one,
where a model with tags has learnt to obey such plans. ``perturb`` is SCOTT's test: half
of the plan's tokens are replaced by random ones, and a model that reads its plan says something
else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from d2t.augment.counterfactual import said_mr
from d2t.generate.requests import choose_orders
from d2t.generate.types import GenerationRequest
from d2t.language.delex import relexicalize
from d2t.language.symbols import COUNTERFACTUAL, FACTUAL, PLAN_SYMBOLS, all_symbols
from d2t.mr.perturb import perturbed_plan, slot_changes
from d2t.mr.types import Plan
from d2t.plan.untrained import random_plan
from d2t.search.backend import EncodedSource
from d2t.search.torch_backend import TorchBackend
from d2t.seeding import derived_rng

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from d2t.corpus.types import Example
    from d2t.linearize.source import LinearizedInput
    from d2t.model.bundle.network import Bundle
    from d2t.mr.types import MeaningRepresentation
    from d2t.slots.checker import SlotChecker

Kind = Literal["permute", "drop", "swap"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Verdict = Literal["plan", "mr", "neither"]


@dataclass(frozen=True, slots=True)
class Intervention:
    """One MR under a changed plan; ``own`` is the plan that it would have been said by."""

    id: str
    mr: MeaningRepresentation
    own: Plan
    plan: Plan


def intervene(
    kind: Kind, example: Example, own: Plan, bundle: Bundle, rng: Random
) -> Intervention | None:
    """The MR with its plan changed; None where there is nothing to change."""
    if kind == "permute":
        others = [p for _ in range(20) if (p := random_plan(example.mr, rng)).slots != own.slots]
        return Intervention(example.id, example.mr, own, others[0]) if others else None
    changes = slot_changes(
        example.mr,
        bundle.domain,
        "wrong" if kind == "swap" else "dropped",
        values=bundle.linearizer.inventory.values,
        rng=rng,
    )
    if not changes:
        return None
    slot = rng.choice(sorted(changes))
    plan = perturbed_plan(Plan(own.slots), {slot: changes[slot]})
    return Intervention(example.id, example.mr, own, plan)


def verdict(text: str, item: Intervention, checker: SlotChecker) -> Verdict:
    """Whether a text says the changed plan, or the MR in spite of it, or neither.

    The plan: just its slots, in its order, read with the plan's values deciding between wordings.
    The MR: where slots were changed, just the slots of the MR in any order; where only their order
    was, the plan that the MR would have been said by.
    """
    if checker.align(text, said_mr(item.plan, item.mr)).plan().slots == item.plan.slots:
        return "plan"
    said = checker.align(text, item.mr).plan().slots
    if set(item.plan.slots) == set(item.mr.slots):
        return "mr" if said == item.own.slots else "neither"
    return "mr" if set(said) == set(item.mr.slots) else "neither"


def content_followed(text: str, item: Intervention, checker: SlotChecker) -> bool:
    """Whether a text says the slots of the changed plan and no others, in whatever order."""
    spans = checker.align(text, said_mr(item.plan, item.mr)).spans
    return {span.slot for span in spans} == set(item.plan.slots)


class Speaker:
    """Says MRs by given plans, whatever is in them, with the same tag."""

    def __init__(
        self, bundle: Bundle, *, seed: int, batch_size: int, max_length: int, factual: bool = True
    ) -> None:
        """Wrap a bundle whose decoder says the plan first."""
        self._bundle, self._backend = bundle, TorchBackend(bundle)
        self._tag = FACTUAL if factual else COUNTERFACTUAL
        self._seed, self._batch_size, self._max_length = seed, batch_size, max_length
        known = bundle.tokenizer.symbol_ids
        symbols = {known[s] for s in (*all_symbols(bundle.domain), *PLAN_SYMBOLS)}
        first = max(known.values()) + 2 + 256  # after the glue mark and the bytes
        self._words = [i for i in range(first, bundle.tokenizer.vocab_size) if i not in symbols]

    def say(self, items: Sequence[Intervention], *, corrupt: bool = False) -> list[str]:
        """One greedy text per item; ``corrupt``: half of the plan's tokens are random words."""
        inputs = [self._input(item) for item in items]
        sources = [
            self._source(item, linearized, corrupt=corrupt)
            for item, linearized in zip(items, inputs, strict=True)
        ]
        order = sorted(range(len(items)), key=lambda at: len(sources[at].prefix))
        texts: dict[int, str] = {}
        with self._backend.session():
            for begin in range(0, len(order), self._batch_size):
                places = order[begin : begin + self._batch_size]
                found = self._backend.greedy(
                    [sources[at] for at in places], max_length=self._max_length
                )
                for at, result in zip(places, found, strict=True):
                    template = self._bundle.tokenizer.decode(result.ids)
                    texts[at] = relexicalize(template, inputs[at].bindings)
        return [texts[at] for at in range(len(items))]

    def _input(self, item: Intervention) -> LinearizedInput:
        linearizer = self._bundle.linearizer
        request = GenerationRequest(item.id, item.mr, item.plan)
        orders = choose_orders(request, linearizer.strategy, None, seed=self._seed, plan_first=True)
        written = linearizer.linearize(item.mr, orders.read, said=item.plan, factual=False)
        return replace(
            written,
            pieces=_tagged(written.pieces, self._tag),
            prefix=_tagged(written.prefix, self._tag),
        )

    def _source(
        self, item: Intervention, linearized: LinearizedInput, *, corrupt: bool
    ) -> EncodedSource:
        encode = self._bundle.tokenizer.encode_source
        prefix = encode(linearized.prefix)[:-1]
        if corrupt:
            rng = derived_rng(self._seed, "perturb", item.id)
            first = 1 if linearized.prefix[0] == self._tag else 0
            prefix = corrupted(prefix, range(first, len(prefix) - 1), self._words, rng)
        return EncodedSource(
            tuple(encode(linearized.pieces)), tuple(linearized.bindings), tuple(prefix)
        )


def corrupted(
    ids: Sequence[int], places: Sequence[int], words: Sequence[int], rng: Random
) -> list[int]:
    """``ids`` with half of the tokens at ``places`` replaced by random ``words``, half rounded up.

    SCOTT's perturb test (rule F3.2): random vocabulary items.
    """
    changed = list(ids)
    for at in rng.sample(list(places), -(-len(places) // 2)):
        changed[at] = rng.choice(words)
    return changed


def _tagged(pieces: Sequence[str], tag: str) -> tuple[str, ...]:
    return tuple(tag if piece in (FACTUAL, COUNTERFACTUAL) else piece for piece in pieces)
