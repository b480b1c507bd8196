"""Small parts of training: moving average, needed logits, the score, reporting, devices."""

from __future__ import annotations

import io
import signal
from dataclasses import replace

import pytest
import torch
from torch import nn

from d2t.errors import BackendError
from d2t.model.build import build_model
from d2t.model.config import BiGRUConfig, TransformerConfig
from d2t.model.loss import smoothed_cross_entropy
from d2t.recipes.run import pick_device
from d2t.train.data.batching import BatchOptions, BatchPlan, EncodedPair, collate, plan_batches
from d2t.train.loop.optim import MovingAverage
from d2t.train.loop.parts import needed_logits
from d2t.train.loop.progress import Lines, evaluation_line, stop_on_signal
from d2t.train.loop.selection import combined_score, mean_loss, selection_value


def test_moving_average_follows_its_formula() -> None:
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(0.0)
    average = MovingAverage(model, 0.5)
    model.weight.data.fill_(1.0)
    average.update(model, 1)  # decay min(0.5, 2/11)
    assert average.values["weight"].item() == pytest.approx(9 / 11)
    average.update(model, 100)  # decay 0.5
    assert average.values["weight"].item() == pytest.approx(1 - (2 / 11) / 2)


def test_averaged_weights_are_swapped_in_and_out() -> None:
    model = nn.Linear(2, 2)
    average = MovingAverage(model, 0.9)
    own = model.weight.detach().clone()
    average.values["weight"].fill_(7.0)
    with average.swapped_in(model):
        assert model.weight.detach().eq(7.0).all()
    assert model.weight.detach().equal(own)
    assert average.values["weight"].eq(7.0).all()


@pytest.mark.parametrize("config", [
    TransformerConfig(width=16, ffn=16, heads=2, dropout=0.0),
    BiGRUConfig(hidden=16, embedding=16, layers=1, dropout=0.0),
])  # fmt: skip
def test_needed_logits_are_the_models_own(config: TransformerConfig | BiGRUConfig) -> None:
    torch.manual_seed(0)
    model = build_model(config, vocab_size=50, pad_id=0, bos_id=1, eos_id=2).eval()
    pairs = [EncodedPair(tuple(range(4, 4 + n)), (*range(5, 5 + n), 2)) for n in range(1, 40)]
    batch = collate(pairs, BatchPlan(tuple(range(39)), 40, 48, 48), pad_id=0, bos_id=1)
    logits, labels = needed_logits(model, batch)
    full = model(batch.source_ids, batch.source_mask, batch.decoder_input).reshape(-1, 50)
    counts = batch.labels.reshape(-1) != 0
    kept = labels != 0
    assert labels[kept].tolist() == batch.labels.reshape(-1)[counts].tolist()
    torch.testing.assert_close(logits[kept], full[counts])
    assert logits.shape[0] % 256 == 0
    assert logits.shape[0] < full.shape[0]


def test_a_source_that_is_encoded_once_gives_the_same_loss_and_gradients() -> None:
    torch.manual_seed(0)
    config = TransformerConfig(width=16, ffn=16, heads=2, dropout=0.0)
    model = build_model(config, vocab_size=50, pad_id=0, bos_id=1, eos_id=2)
    pairs = [
        EncodedPair((*range(4, 8 + n % 4), 2), (*range(5, 6 + n), 2), given=n % 3)
        for n in range(1, 15)
    ]
    (plan,) = plan_batches(
        pairs, BatchOptions(16, shared=True, target_multiple=16), seed=0, epoch=0
    )
    found = []
    for shared in (True, False):
        batch = collate(pairs, replace(plan, shared=shared), pad_id=0, bos_id=1)
        loss, n = smoothed_cross_entropy(*needed_logits(model, batch), pad_id=0, smoothing=0.0)
        model.zero_grad()
        loss.backward()
        found.append((loss, n, [p.grad for p in model.parameters()]))
    torch.testing.assert_close(*found)


def test_the_score_prefers_faithful_ordered_text() -> None:
    assert combined_score(40, 0, 100) == 40
    assert combined_score(40, 1, 100) == 35, "a point of SER costs five"
    assert combined_score(40, 0, 90) == 35, "ten points of order cost five"
    assert combined_score(40.5, 2, 96) == pytest.approx(40.5 - 10 - 2)
    metrics = {"dev_loss": 1.5, "dev_ser": 2.0, "dev_order": 90.0}
    assert selection_value("dev_loss", metrics) == -1.5
    assert selection_value("dev_ser", metrics) == -2.0
    assert selection_value("dev_order", metrics) == 90.0


def test_lines_come_at_multiples_only() -> None:
    stream = io.StringIO()
    lines = Lines(10, stream)
    lines.start(100, 0)
    for step in range(1, 31):
        lines.step(step, 1.0, 200.0)
    assert stream.getvalue().splitlines() == [
        f"step {step}/100  loss 1.000  200 pairs/s" for step in (10, 20, 30)
    ]
    line = evaluation_line(5, {"dev_loss": 1.0, "dev_ser": 0.5, "score": 30.0}, best=True)
    assert line == "step 5  dev loss 1.000  SER 0.50  score 30.00  * best"


def test_first_signal_asks_second_insists() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signal() as flag:
        signal.raise_signal(signal.SIGINT)
        assert flag.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_devices_that_are_not_there_are_refused() -> None:
    assert pick_device("cpu") == "cpu"
    with pytest.raises(BackendError, match="this machine has"):
        pick_device("toaster")


def test_a_loss_that_is_no_number_ends_the_run() -> None:
    config = TransformerConfig(width=16, ffn=16, heads=2)
    model = build_model(config, vocab_size=50, pad_id=0, bos_id=1, eos_id=2).eval()
    pairs, plans = [EncodedPair((5, 2), (6, 2))], [BatchPlan((0,), 1, 8, 8)]
    assert mean_loss(model, pairs, plans, torch.device("cpu")) > 0
    model.embedding.weight.data[5] = float("nan")  # type: ignore[union-attr,index]
    with pytest.raises(BackendError, match=r"diverged.*lower train\.lr"):
        mean_loss(model, pairs, plans, torch.device("cpu"))
