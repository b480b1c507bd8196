"""The exported Transformer gives forced targets the log-probabilities that torch gives (C3.3)."""

from __future__ import annotations

import pytest
import torch

from d2t.model.build import build_model
from d2t.model.config import TransformerConfig

ctranslate2 = pytest.importorskip("ctranslate2")

PIECES = ["<pad>", "<s>", "</s>", "<unk>", *(f"w{i}" for i in range(60))]


@pytest.mark.parametrize(
    "config",
    [
        TransformerConfig(width=32, ffn=64, heads=4),
        TransformerConfig(
            width=48, ffn=64, heads=2, encoder_layers=3, decoder_layers=1,
            activation="gelu", tie_embeddings=False,
        ),
    ],
    ids=["tied-relu", "untied-gelu"],
)  # fmt: skip
def test_forced_log_probabilities_are_equal(config, tmp_path):
    from d2t.generate.export import transformer_spec

    torch.manual_seed(0)
    model = build_model(config, vocab_size=len(PIECES), pad_id=0, bos_id=1, eos_id=2).eval()
    for name, parameter in model.named_parameters():  # biases and norms away from 0 and 1
        if parameter.dim() == 1:
            parameter.data += 0.3 * torch.randn_like(parameter)
        assert parameter.requires_grad, name
    spec = transformer_spec(model, PIECES)
    spec.optimize()
    spec.save(str(tmp_path))
    engine = ctranslate2.Translator(str(tmp_path), device="cpu", compute_type="float32")
    generator = torch.Generator().manual_seed(1)
    sources = [torch.randint(4, 64, (n,), generator=generator).tolist() for n in (1, 7, 12, 40)]
    targets = [torch.randint(4, 64, (n,), generator=generator).tolist() for n in (9, 1, 30, 5)]
    scored = engine.score_batch(
        [[PIECES[i] for i in (*ids, 2)] for ids in sources],
        [[PIECES[i] for i in ids] for ids in targets],
    )
    for source, target, result in zip(sources, targets, scored, strict=True):
        source_ids = torch.tensor([[*source, 2]])
        with torch.inference_mode():
            logits = model(source_ids, source_ids != 0, torch.tensor([[1, *target]]))
        gold = torch.tensor([*target, 2])
        ours = logits[0].log_softmax(-1)[torch.arange(len(gold)), gold]
        torch.testing.assert_close(torch.tensor(result.log_probs), ours, atol=1e-3, rtol=1e-3)
