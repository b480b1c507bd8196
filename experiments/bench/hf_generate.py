"""Hugging Face ``generate()`` over batches of token ids, for the twin and for the rivals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from d2t.generate.options import MAX_LENGTH
from d2t.search.steps import pad_sources
from experiments.bench.turns import System

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.bench.pool import Pool

BATCHES = (1, 64, 128)
GREEDY_64 = "HF generate, same weights, greedy, batch 64"
GREEDY_1 = "HF generate, same weights, greedy, batch 1"


def say_with_hf(
    model: Any, sources: Sequence[Sequence[int]], *, batch: int, beams: int, new_tokens: int | None
) -> tuple[list[list[int]], int]:
    """Token ids of each source's answer, and how many were generated up to EOS.

    Sources of like length share a batch, as in our own generator; nothing else is done to help or
    hinder. ``new_tokens`` fixes the length of the answers, for weights that end nothing.
    """
    pad_id = model.config.pad_token_id
    order = sorted(range(len(sources)), key=lambda at: len(sources[at]))
    lengths: dict[str, Any] = {"max_new_tokens": new_tokens or MAX_LENGTH}
    if new_tokens:
        lengths["min_new_tokens"] = new_tokens
    answers: dict[int, list[int]] = {}
    n_tokens = 0
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        ids, mask = pad_sources([sources[at] for at in places], pad_id, device="cpu")
        said = model.generate(
            input_ids=ids, attention_mask=mask.long(), num_beams=beams, do_sample=False, **lengths
        )[:, 1:]
        n_tokens += said.numel() if new_tokens else int((said != pad_id).sum())
        answers |= dict(zip(places, said.tolist(), strict=True))
    return [answers[at] for at in range(len(sources))], n_tokens


def twin_systems(twin: Any, pool: Pool, batches: Sequence[int] = BATCHES) -> list[System]:
    """The same weights under ``generate()``: greedy and beam 4, in batches of each size."""
    return [_twin_system(twin, pool, beams, batch) for beams in (1, 4) for batch in batches]


def _twin_system(twin: Any, pool: Pool, beams: int, batch: int) -> System:
    def say(places: Sequence[int]) -> int:
        """Ready token ids in, token ids out: neither linearization nor text nor check."""
        sources = [pool.sources[at].ids for at in places]
        return say_with_hf(twin, sources, batch=batch, beams=beams, new_tokens=None)[1]

    how = "greedy" if beams == 1 else f"beam {beams}"
    name = f"HF generate, same weights, {how}, batch {batch}"
    notes = {"includes": "search only, on ready token ids"}
    return System(name, batch, say, notes, whole=True)


def quiet_torch(threads: int) -> None:
    """As many threads as everybody has, and no chatter of the library on stderr."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(threads)
