"""The optimizer: which weights decay."""

from __future__ import annotations

import torch
from torch import nn

from d2t.train.config.options import OptimConfig, TrainConfig
from d2t.train.loop.optim import make_optimizer


def test_matrices_decay_and_biases_and_norms_do_not() -> None:
    """A step without gradients moves a weight by its decay alone."""
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    for weights in model.parameters():
        weights.data.fill_(1.0)
        weights.grad = torch.zeros_like(weights)
    config = TrainConfig(train=OptimConfig(lr=0.1, weight_decay=0.5))
    make_optimizer(model, config, torch.device("cpu")).step()
    after = {name: set(weights.flatten().tolist()) for name, weights in model.named_parameters()}
    assert after.pop("0.weight") == {torch.tensor(1.0 - 0.1 * 0.5).item()}
    assert after == {"0.bias": {1.0}, "1.weight": {1.0}, "1.bias": {1.0}}
