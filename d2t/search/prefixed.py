"""A model whose decoder has been given the beginning of each answer: the searches go on from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from d2t.errors import UsageError
from d2t.model.base import DecoderState, Seq2SeqModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_PENDING = "prefix_pending"


def like_prefixes(prefixes: Sequence[Sequence[int]]) -> list[list[int]]:
    """Places of prefixes of the same length, in order: what one ``PrefixedModel`` can step."""
    places: dict[int, list[int]] = {}
    for at, prefix in enumerate(prefixes):
        places.setdefault(len(prefix), []).append(at)
    return list(places.values())


class PrefixedModel(Seq2SeqModel):
    """Wraps a model for the searches of one batch, whose prefixes have the same length.

    ``start`` steps through BOS and all of the prefix but its last token, which takes the place of
    the BOS that a search begins with. So no search knows of prefixes: what it finds begins after
    them, scores are those of the tokens it chose, and what is banned may stand in a prefix.
    """

    def __init__(self, model: Seq2SeqModel, prefixes: Sequence[Sequence[int]]) -> None:
        """Wrap ``model``; ``prefixes`` are those of the sources that ``start`` will be given.

        Raises:
            UsageError: they are empty or of different lengths.
        """
        super().__init__()
        lengths = {len(prefix) for prefix in prefixes}
        if len(lengths) != 1 or 0 in lengths:
            raise UsageError(f"prefixes of one batch must have one length, not {sorted(lengths)}")
        self.position_limit = model.position_limit
        self.pad_id, self.bos_id, self.eos_id = model.pad_id, model.bos_id, model.eos_id
        self.vocab_size = model.vocab_size
        self._inner = model
        self._prefixes = torch.tensor([list(prefix) for prefix in prefixes], dtype=torch.int64)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """That of the inner model."""
        return self._inner.noise_shape

    def perturb(self, state: DecoderState, noise: Tensor) -> DecoderState:
        """Noise for the next step; none falls on the prefix."""
        return self._inner.perturb(state, noise)

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_ids: Tensor) -> Tensor:
        """Teacher-forced logits after the prefix: ``target_ids`` begin with BOS as ever."""
        prefixes = self._prefixes.to(target_ids.device)
        given = torch.cat([target_ids[:, :1], prefixes, target_ids[:, 1:]], dim=1)
        return self._inner(source_ids, source_mask, given)[:, prefixes.size(1) :]

    def start(self, source_ids: Tensor, source_mask: Tensor) -> DecoderState:
        """Encode, and step through the prefix; one row per prefix."""
        state = self._inner.start(source_ids, source_mask)
        bos = source_ids.new_full((len(source_ids), 1), self.bos_id)
        given = torch.cat([bos, self._prefixes.to(source_ids.device)], dim=1)
        for column in given[:, :-1].unbind(1):
            _, state = self._inner.step(column, state)
        return {**state, _PENDING: given[:, -1]}

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One inner step; at the first, the end of the prefix stands for BOS."""
        inner = dict(state)
        pending = inner.pop(_PENDING, None)
        return self._inner.step(token_ids if pending is None else pending, inner)
