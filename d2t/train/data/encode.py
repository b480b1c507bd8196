"""Rendering pairs for the model: order, placeholders and token ids, drawn anew each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from d2t.language.delex import delexicalize
from d2t.mr.types import Plan
from d2t.seeding import derived_rng
from d2t.train.data.batching import EncodedPair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from d2t.linearize.source import LinearizedInput, Linearizer
    from d2t.model.tokenizer import Tokenizer
    from d2t.train.data.prepare import TrainingPair

FROZEN = "frozen"
"""The epoch label of development pairs: one draw, the same at each evaluation (rule O2, RND)."""


class Shares(NamedTuple):
    """Chances that a closed value is masked and that the sentence breaks are shown."""

    mask: float
    breaks: float


class PairEncoder:
    """Turns training pairs into token ids; what is random depends on (seed, epoch, index) alone."""

    def __init__(
        self,
        linearizer: Linearizer,
        tokenizer: Tokenizer,
        *,
        mask_share: float,
        break_share: float,
        seed: int,
    ) -> None:
        self.linearizer = linearizer
        self.tokenizer = tokenizer
        self.mask_share = mask_share
        self.break_share = break_share
        self.seed = seed
        self._targets: dict[str, tuple[int, ...]] = {}

    def encode_epoch(
        self, pairs: Sequence[TrainingPair], epoch: int | str, *, mask: bool = True
    ) -> list[EncodedPair]:
        """Every pair, in order, as it is read in this epoch."""
        shares = Shares(self.mask_share if mask else 0.0, self.break_share)
        return [
            self._encode(
                *render(pair, self.linearizer, self.seed, epoch, index, shares), pair.factual
            )
            for index, pair in enumerate(pairs)
        ]

    def _encode(self, source: LinearizedInput, template: str, factual: bool) -> EncodedPair:
        """A plan that is said first is learnt with the utterance, unless it is not factual."""
        target = self._targets.get(template)
        if target is None:
            target = self._targets[template] = tuple(self.tokenizer.encode_target(template))
        # Sources are not remembered: most orders never come back; the tokenizer knows the words.
        ids = tuple(self.tokenizer.encode_source(source.pieces))
        if not source.prefix:
            return EncodedPair(ids, target)
        prefix = self.tokenizer.encode_source(source.prefix)[:-1]  # no EOS
        return EncodedPair(ids, (*prefix, *target), 0 if factual else len(prefix))


def render(
    pair: TrainingPair,
    linearizer: Linearizer,
    seed: int,
    epoch: int | str,
    index: int,
    shares: Shares,
) -> tuple[LinearizedInput, str]:
    """One pair as the model reads it: linearized input and delexicalized target template.

    A phrase shows its kind instead of sentence breaks. A plan that the decoder says first is the
    example's own, whatever the strategy reads.
    """
    rng = derived_rng(seed, "pair", epoch, index)
    plan = linearizer.strategy.order(pair.example, rng=rng)
    mask = frozenset(slot for slot in pair.maskable if rng.random() < shares.mask)
    kind = pair.example.kind
    said = pair.example.plan
    if kind is not None or rng.random() >= shares.breaks:
        plan = Plan(plan.slots)
        said = None if said is None else Plan(said.slots)
    source = linearizer.linearize(
        pair.example.mr, plan, mask=mask, keep=pair.keep, kind=kind, said=said, factual=pair.factual
    )
    return source, delexicalize(pair.alignment, source.bindings)


def tokenizer_texts(pairs: Sequence[TrainingPair], linearizer: Linearizer) -> Iterator[str]:
    """What the tokenizer is trained on: templates and plain value pieces, nothing masked."""
    for index, pair in enumerate(pairs):
        source, template = render(pair, linearizer, 0, FROZEN, index, Shares(0.0, 0.0))
        yield template
        yield from (piece for piece in source.pieces if not piece.startswith("<"))
