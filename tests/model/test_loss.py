"""Label smoothing against its definition (rule O5.2), written out."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from d2t.model.loss import smoothed_cross_entropy

PAD = 2


def by_definition(logits, targets, smoothing):
    """Sum over non-pad tokens of -q log p, q as in rule O5.2."""
    vocab, total = logits.shape[-1], torch.zeros((), dtype=torch.float64)
    log_p = torch.log_softmax(logits.double(), -1)
    for row, gold in zip(log_p.reshape(-1, vocab), targets.reshape(-1).tolist(), strict=True):
        if gold == PAD:
            continue
        q = torch.full((vocab,), smoothing / (vocab - 2), dtype=torch.float64)
        q[PAD], q[gold] = 0.0, 1 - smoothing
        total = total - (q * row).sum()
    return total


def example(rows=(3, 5), vocab=11):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(*rows, vocab, generator=generator, requires_grad=True)
    targets = torch.randint(0, vocab, rows, generator=generator)
    targets[0, 3:] = PAD
    return logits, targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_value_count_and_gradient(smoothing):
    logits, targets = example()
    total, n_tokens = smoothed_cross_entropy(logits, targets, pad_id=PAD, smoothing=smoothing)
    assert n_tokens == int((targets != PAD).sum())
    expected = by_definition(logits, targets, smoothing)
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)
    (got,) = torch.autograd.grad(3.0 * total, logits)
    (want,) = torch.autograd.grad(3.0 * expected, logits)
    torch.testing.assert_close(got, want.float(), atol=1e-5, rtol=1e-4)
    assert not got[targets == PAD].any()


def test_no_smoothing_is_the_negative_log_likelihood():
    logits, targets = example()
    total, _ = smoothed_cross_entropy(logits, targets, pad_id=PAD, smoothing=0.0)
    expected = cross_entropy(
        logits.flatten(0, 1), targets.flatten(), ignore_index=PAD, reduction="sum"
    )
    torch.testing.assert_close(total, expected)


def test_bf16_logits_are_summed_in_fp32():
    logits, targets = example((40, 20), 300)
    low = logits.detach().bfloat16().requires_grad_()
    total, _ = smoothed_cross_entropy(low, targets, pad_id=PAD)
    assert total.dtype == torch.float32
    assert total.item() == pytest.approx(by_definition(low, targets, 0.1).item(), rel=1e-4)
    total.backward()
    assert low.grad.dtype == torch.bfloat16


def test_smoothed_loss_is_smallest_at_the_smoothed_distribution():
    vocab, gold, smoothing = 6, torch.tensor([4]), 0.2
    q = torch.full((vocab,), smoothing / (vocab - 2))
    q[PAD], q[4] = 1e-9, 1 - smoothing
    best, _ = smoothed_cross_entropy(q.log()[None], gold, pad_id=PAD, smoothing=smoothing)
    for delta in torch.eye(vocab):
        other, _ = smoothed_cross_entropy(
            (q.log() + 0.3 * delta)[None], gold, pad_id=PAD, smoothing=smoothing
        )
        assert other >= best - 1e-6


def test_all_padding_is_zero():
    logits = torch.randn(2, 3, 7, requires_grad=True)
    total, n_tokens = smoothed_cross_entropy(logits, torch.full((2, 3), PAD), pad_id=PAD)
    total.backward()
    assert (total.item(), n_tokens) == (0.0, 0)
    assert not logits.grad.any()
