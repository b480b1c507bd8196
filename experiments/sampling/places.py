"""Other places for the Transformer's noise than the shipped one, to compare it with them.

Every noise is in units of the root mean square of what it is added to:

- ``entry``: the residual stream that enters the first decoder layer (shipped);
- ``all``: that and the output of every decoder layer;
- ``out``: the output of the last decoder layer, which nothing remembers;
- ``cache``: keys and values that the self-attention kept of the step before, for this step;
- ``query``: the input of the attention to the source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from d2t.model.attention import attend
from d2t.model.layers import with_noise
from d2t.model.transformer import TransformerModel

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.base import DecoderState
    from d2t.model.transformer import DecoderLayer

PLACES = ("entry", "all", "out", "cache", "query")


class Elsewhere(TransformerModel):
    """The Transformer with its noise at ``place``."""

    place: str

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """``(noises, width)``."""
        return {"all": 1 + self.config.decoder_layers, "cache": 2}.get(self.place, 1), (
            self.config.width
        )

    def step(self, token_ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """As ``TransformerModel.step``, with the noise where ``place`` says."""
        new = dict(state)
        noise = new.pop("noise")
        position = state["k0"].shape[2] if "k0" in state else 0
        hidden = self._embed(token_ids[:, None], position)
        if self.place in ("entry", "all"):
            hidden = with_noise(hidden, noise[:, 0])
        mask = state["source_mask"][:, None, None, :]
        for i, layer in enumerate(self._decoder_layers):
            cache = (state[f"k{i}"], state[f"v{i}"]) if position else None
            memory = (state[f"source_k{i}"], state[f"source_v{i}"])
            if cache is not None and self.place == "cache":
                cache = _noisy_last(cache[0], noise[:, 0]), _noisy_last(cache[1], noise[:, 1])
            if self.place == "query":
                hidden, kept = _noisy_query(layer, hidden, cache, memory, mask, noise[:, 0])
            else:
                hidden, kept = layer.step(hidden, cache, memory, mask)
            new[f"k{i}"], new[f"v{i}"] = kept
            if self.place == "all":
                hidden = with_noise(hidden, noise[:, i + 1])
        if self.place == "out":
            hidden = with_noise(hidden, noise[:, 0])
        return self.output(self.decoder_norm(hidden[:, 0])).float(), new


def _noisy_last(kept: Tensor, noise: Tensor) -> Tensor:
    """``kept (rows, heads, len, head_width)`` with noise on the last position."""
    last = kept[:, :, -1:].transpose(1, 2).flatten(2)
    noisy = with_noise(last, noise).view(len(kept), 1, kept.size(1), -1).transpose(1, 2)
    return torch.cat([kept[:, :, :-1], noisy], dim=2)


def _noisy_query(
    layer: DecoderLayer,
    hidden: Tensor,
    cache: tuple[Tensor, Tensor] | None,
    memory: tuple[Tensor, Tensor],
    mask: Tensor,
    noise: Tensor,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    q, k, v = layer.attention.project(layer.attention_norm(hidden))
    if cache is not None:
        k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
    hidden = hidden + layer.attention.out(attend(q, k, v))
    hidden = hidden + layer.cross(with_noise(layer.cross_norm(hidden), noise), *memory, mask)
    return hidden + layer.ffn(layer.ffn_norm(hidden)), (k, v)
