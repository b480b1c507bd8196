"""Unlikelihood against its definition, and the contrastive step on a toy distribution."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from d2t.model.loss import smoothed_cross_entropy
from d2t.recipes.conseq.objective import unlikelihood

PAD = 2


def by_definition(logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Sum over non-pad tokens of -q log(1 - p), q as in rule O5.2."""
    vocab, total = logits.shape[-1], torch.zeros((), dtype=torch.float64)
    p = torch.softmax(logits.double(), -1)
    for row, gold in zip(p.reshape(-1, vocab), targets.reshape(-1).tolist(), strict=True):
        if gold == PAD:
            continue
        q = torch.full((vocab,), smoothing / (vocab - 2), dtype=torch.float64)
        q[PAD], q[gold] = 0.0, 1 - smoothing
        total = total - (q * torch.log(1 - row)).sum()
    return total


def example() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 11, generator=generator, requires_grad=True)
    targets = torch.randint(0, 11, (3, 5), generator=generator)
    targets[0, 3:] = PAD
    return logits, targets


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_value_count_and_gradient(smoothing: float) -> None:
    logits, targets = example()
    total, n_tokens = unlikelihood(logits, targets, pad_id=PAD, smoothing=smoothing)
    expected = by_definition(logits, targets, smoothing)
    assert n_tokens == int((targets != PAD).sum())
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)
    (got,) = torch.autograd.grad(total, logits)
    (want,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(got, want.float(), atol=1e-5, rtol=1e-4)
    assert not got[targets == PAD].any()


def test_one_token_by_hand() -> None:
    # p = (1/2, 1/4, 0 (PAD), 1/4): -log(1 - 1/2) = log 2, its gradient p_y / (1 - p_y) (1[y] - p).
    logits = torch.tensor([[math.log(2), 0.0, -1e9, 0.0]], requires_grad=True)
    total, n_tokens = unlikelihood(logits, torch.tensor([0]), pad_id=PAD, smoothing=0.0)
    assert (total.item(), n_tokens) == (pytest.approx(math.log(2)), 1)
    total.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[0].tolist() == pytest.approx([0.5, -0.25, 0.0, -0.25])
    # Smoothed with 0.2: 0.8 on the token, 0.1 on each of the two others that are not PAD.
    total, _ = unlikelihood(logits, torch.tensor([0]), pad_id=PAD, smoothing=0.2)
    assert total.item() == pytest.approx(0.8 * math.log(2) + 0.2 * math.log(4 / 3))


def test_a_certain_token_is_clamped_and_its_gradient_is_finite() -> None:
    logits = torch.tensor([[60.0, 0.0, 0.0, 0.0], [200.0, 0.0, 0.0, 0.0]], requires_grad=True)
    total, _ = unlikelihood(logits, torch.tensor([0, 0]), pad_id=PAD, smoothing=0.0)
    assert total.item() == pytest.approx(-2 * math.log(1e-20), rel=0.1)
    total.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_a_weight_weighs_the_sum_and_not_the_count() -> None:
    logits, targets = example()
    once, n = unlikelihood(logits, targets, pad_id=PAD, smoothing=0.1)
    half, n_half = unlikelihood(logits, targets, pad_id=PAD, smoothing=0.1, weight=0.5)
    assert (half.item(), n_half) == (pytest.approx(once.item() / 2), n)


def test_all_padding_is_zero() -> None:
    logits = torch.randn(2, 3, 7, requires_grad=True)
    total, n_tokens = unlikelihood(logits, torch.full((2, 3), PAD), pad_id=PAD)
    assert (total.item(), n_tokens) == (0.0, 0)


def toy_loss(logits: Tensor) -> Tensor:
    """A bigram "model" of four tokens: S+ says 0 1 3, S- says 0 0; row k is p(. | token k)."""
    good, n_good = smoothed_cross_entropy(
        logits[[3, 0, 1]], torch.tensor([0, 1, 3]), pad_id=PAD, smoothing=0.0
    )
    bad, n_bad = unlikelihood(logits[[3, 0]], torch.tensor([0, 0]), pad_id=PAD, smoothing=0.0)
    return (good + bad) / (n_good + n_bad)


def test_the_contrastive_step_is_its_definition_on_a_toy_distribution() -> None:
    logits = torch.randn(4, 4, generator=torch.Generator().manual_seed(3), requires_grad=True)
    p = torch.softmax(logits.detach().double(), -1)
    likely = -(p[3, 0].log() + p[0, 1].log() + p[1, 3].log())
    unlikely = -((1 - p[3, 0]).log() + (1 - p[0, 0]).log())
    loss = toy_loss(logits)
    assert loss.item() == pytest.approx(float(likely + unlikely) / 5, rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, logits)
    step = 1e-2
    for row in range(4):
        for column in range(4):
            nudge = torch.zeros(4, 4)
            nudge[row, column] = step
            by_differences = (
                toy_loss(logits.detach() + nudge) - toy_loss(logits.detach() - nudge)
            ) / (2 * step)
            assert gradient[row, column].item() == pytest.approx(by_differences.item(), abs=2e-4)
    # A step against the gradient makes the good continuation of 0 likelier, the bad one less so.
    after = torch.softmax((logits - gradient).detach(), -1)
    assert after[0, 1] > p[0, 1]
    assert after[0, 0] < p[0, 0]


def test_the_loss_has_the_signature_of_a_part() -> None:
    loss = partial(unlikelihood, weight=2.0)
    total, n = loss(torch.zeros(1, 4), torch.tensor([1]), pad_id=PAD, smoothing=0.0)
    assert (total.item(), n) == (pytest.approx(-2 * math.log(3 / 4)), 1)
