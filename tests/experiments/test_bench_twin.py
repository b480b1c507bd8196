"""The Hugging Face model of the benchmarks computes what ours does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from d2t.model.config import TransformerConfig
from d2t.model.transformer import TransformerModel
from d2t.search.greedy import greedy_search
from experiments.bench.hf import forced_logits, pegasus_twin

if TYPE_CHECKING:
    from pathlib import Path

PAD, BOS, EOS, VOCAB = 0, 1, 2, 61


def tiny(*, tied: bool, activation: str) -> TransformerModel:
    torch.manual_seed(11)
    config = TransformerConfig(
        width=32,
        ffn=48,
        heads=4,
        encoder_layers=2,
        decoder_layers=2,
        tie_embeddings=tied,
        activation=activation,  # type: ignore[arg-type]
    )
    model = TransformerModel(config, vocab_size=VOCAB, pad_id=PAD, bos_id=BOS, eos_id=EOS)
    for weights in model.parameters():
        weights.data.mul_(2.0)  # fresh weights hardly listen to the source
        if weights.dim() == 1:
            weights.data.add_(torch.randn(weights.shape) * 0.1)  # biases are zero at first
    return model.eval()


def sources() -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(3, VOCAB, (5, 9), generator=torch.Generator().manual_seed(3))
    lengths = torch.tensor([9, 4, 7, 9, 2])
    mask = torch.arange(9)[None] < lengths[:, None]
    return ids.masked_fill(~mask, PAD), mask


@pytest.mark.parametrize(("tied", "activation"), [(True, "relu"), (False, "gelu")])
def test_forced_logits_agree(tied: bool, activation: str) -> None:
    model = tiny(tied=tied, activation=activation)
    ids, mask = sources()
    targets = torch.randint(3, VOCAB, (5, 12), generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        ours = model(ids, mask, targets)
        theirs = forced_logits(pegasus_twin(model), ids, mask, targets)
    assert ours.std() > 0.5, "logits that are all alike would agree anyhow"
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=0)


def test_greedy_gives_the_same_tokens_also_after_a_round_trip_through_files(
    tmp_path: Path,
) -> None:
    from transformers import PegasusForConditionalGeneration

    model = tiny(tied=True, activation="relu")
    ids, mask = sources()
    ours = [list(result.ids) for result in greedy_search(model, ids, mask, max_length=15)]
    assert len({tuple(row) for row in ours}) > 1
    twin = pegasus_twin(model)
    twin.save_pretrained(tmp_path)
    for theirs in (twin, PegasusForConditionalGeneration.from_pretrained(tmp_path).eval()):
        said = theirs.generate(
            input_ids=ids,
            attention_mask=mask.long(),
            do_sample=False,
            max_new_tokens=15,
            suppress_tokens=[PAD, BOS],  # which our search never takes
        )
        rows = [row[1:].tolist() for row in said]
        ends = [row.index(EOS) if EOS in row else len(row) for row in rows]
        assert [row[:end] for row, end in zip(rows, ends, strict=True)] == ours
