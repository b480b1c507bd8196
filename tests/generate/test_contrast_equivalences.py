"""On our own architectures: a doubled batch is two single passes, and beta 0 the plain search."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import torch
from echo_bundle import echo_bundle
from scripted_contrast import ScriptedContrast, static

from d2t.generate.contrast import ContrastOptions
from d2t.generate.contrast_engine import (
    ContrastiveModel,
    contrast_engine,
    contrast_scores,
    doubled_sources,
)
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest
from d2t.model.build import build_model
from d2t.model.config import BiGRUConfig, TransformerConfig
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.search.beam import beam_search
from d2t.search.greedy import pad_sources
from d2t.seeding import seed_everything

if TYPE_CHECKING:
    from torch import Tensor

    from d2t.model.base import Seq2SeqModel

ARCHITECTURES: dict[str, TransformerConfig | BiGRUConfig] = {
    "transformer": TransformerConfig(width=16, ffn=32, heads=2),
    "bigru": BiGRUConfig(hidden=12, embedding=12, layers=2),
}
MRS = (
    "name[Aromi], eatType[coffee shop], food[Italian], area[riverside]",
    "name[The Mill], eatType[pub], priceRange[cheap], familyFriendly[no]",
    "name[Zizzi], food[Chinese], near[Burger King]",
    "name[Cotto]",
)


def network(architecture: str, vocab_size: int = 40) -> Seq2SeqModel:
    seed_everything(11)
    config = ARCHITECTURES[architecture]
    model = build_model(config, vocab_size=vocab_size, pad_id=0, bos_id=1, eos_id=2).eval()
    for weights in model.parameters():
        weights.data.mul_(3.0)
    return model


def sequences(n: int, seed: int) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randint(3, 39) for _ in range(rng.randint(1, 20))] for _ in range(n)]


@dataclass
class Recorder:
    """Notes what the wrapped model's steps return, in the order of the doubled batch."""

    model: Any
    logits: list[Tensor] = field(default_factory=list)

    def __enter__(self) -> Recorder:
        self._step = self.model.step
        self.model.step = self._noted
        return self

    def __exit__(self, *_: object) -> None:
        del self.model.step

    def _noted(self, token_ids: Tensor, state: dict[str, Tensor]) -> Any:
        logits, state = self._step(token_ids, state)
        self.logits.append(logits)
        return logits, state


@torch.inference_mode()
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_doubled_batch_is_two_single_passes(architecture: str) -> None:
    """The same matrix products for the pairs in one batch; in fp64, rounding aside, alone too."""
    model = network(architecture).double()
    sources, others = sequences(7, 1), sequences(7, 2)
    contrasts = static(others)
    pairs = doubled_sources(sources, contrasts, 0)
    doubled = ContrastiveModel(model, ContrastOptions(), contrasts)
    state = doubled.start(*pairs)
    flat = model.start(pairs[0].flatten(0, 1), pairs[1].flatten(0, 1))
    alone = [model.start(*pad_sources(half, 0)) for half in (sources, others)]
    token = torch.ones(7, dtype=torch.int64)
    with Recorder(model) as recorder:
        for step in range(8):
            if step == 4:  # as a beam search does: rows repeated, reordered, dropped
                rows = torch.tensor([2, 2, 0, 5, 6])
                both = torch.stack([2 * rows, 2 * rows + 1], dim=1).flatten()
                state, flat, token = (
                    doubled.select(state, rows),
                    model.select(flat, both),
                    token[rows],
                )
                alone = [model.select(half, rows) for half in alone]
            scores, state = doubled.step(token, state)
            found = recorder.logits.pop()
            expected, flat = model.step(token.repeat_interleave(2), flat)
            assert torch.equal(found, expected)
            for k in range(2):
                single, alone[k] = model.step(token, alone[k])
                assert torch.allclose(found[k::2], single, rtol=0, atol=1e-6)  # logits are fp32
            token = scores.argmax(-1)


@torch.inference_mode()
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_stepping_is_the_forced_contrast(architecture: str) -> None:
    model, options = network(architecture), ContrastOptions(beta=0.5, plausibility=0.01)
    sources, contrasts = sequences(5, 3), static(sequences(5, 4))
    doubled = ContrastiveModel(model, options, contrasts)
    pairs = doubled_sources(sources, contrasts, 0)
    targets = torch.tensor([[1, *row] for row in torch.randint(3, 39, (5, 6)).tolist()])
    forced = doubled(*pairs, targets).log_softmax(-1)
    state = doubled.start(*pairs)
    for at, column in enumerate(targets.unbind(1)):
        scores, state = doubled.step(column, state)
        assert torch.allclose(scores.log_softmax(-1), forced[:, at], atol=1e-4)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("dynamic", [False, True])
def test_our_models_answer_alike_alone_and_together(
    architecture: str, beam_size: int, dynamic: bool
) -> None:
    options = ContrastOptions(beta=0.5, plausibility=0.05, dynamic=dynamic)
    model, rng = network(architecture), random.Random(5)
    sources, others = sequences(12, 6), sequences(12, 7)
    contrasts = [
        ScriptedContrast(
            {0: tuple(other), 1: tuple(source[:3]), 2: tuple(other[:2]), 3: tuple(source)},
            words=(rng.randint(3, 39), rng.randint(3, 39)),
            options=options,
        )
        for source, other in zip(sources, others, strict=True)
    ]
    search: dict[str, Any] = {"beam_size": beam_size, "n_best": beam_size, "max_length": 16}

    def run(rows: slice) -> list[list[tuple[int, ...]]]:
        some = contrasts[rows]
        doubled = ContrastiveModel(model, options, some)
        found = beam_search(doubled, *doubled_sources(sources[rows], some, 0), **search)
        return [[result.ids for result in results] for results in found]

    together = run(slice(None))
    assert len({tuple(ids) for ids in together}) > 6
    assert together == [run(slice(k, k + 1))[0] for k in range(12)]


@torch.inference_mode()
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_replayed_half_is_the_half_of_a_text_that_began_with_it(architecture: str) -> None:
    """Once slot 0 is said, the perturbed half is as if its source had been read from the start."""
    model = network(architecture).double()
    options = ContrastOptions(beta=0.5, plausibility=0.0, dynamic=True)
    [source, first, second] = sequences(3, 8)
    script = ScriptedContrast(
        {0: tuple(first), 1: tuple(second), 3: tuple(source)}, words=(7, 39), options=options
    )
    doubled = ContrastiveModel(model, options, [script])
    state = doubled.start(*doubled_sources([source], [script], 0))
    text = [1, 9, 7, 8, 7, 5]
    assert text
    for at, word in enumerate(text):
        scores, state = doubled.step(torch.tensor([word]), state)
        other = first if at < 2 else second
        rows = [
            model(*pad_sources([tokens], 0), torch.tensor([text[: at + 1]]))[:, -1]
            for tokens in (source, other)
        ]
        blocked = torch.zeros(1, 40, dtype=torch.bool)
        blocked[0, :2] = True
        active = torch.ones(1, dtype=torch.bool)
        expected = contrast_scores(
            *rows, beta=0.5, plausibility=0.0, eos_id=2, blocked=blocked, active=active
        )
        assert torch.allclose(scores.log_softmax(-1), expected.log_softmax(-1), atol=1e-4)


def requests_for(mrs: tuple[str, ...]) -> list[GenerationRequest]:
    domain = load_domain("restaurant")
    return [GenerationRequest(str(k), parse_mr(mr, domain)) for k, mr in enumerate(mrs)]


def generator(
    architecture: str, contrast: ContrastOptions | None = None, **settings: Any
) -> ModelGenerator:
    bundle: Any = echo_bundle()
    bundle.model = network(architecture, bundle.tokenizer.vocab_size)
    if contrast is not None:
        settings["backend"] = contrast_engine(bundle, contrast, seed=3)
    return ModelGenerator(bundle, max_length=14, seed=3, **settings)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("beam_size", [1, 3])
def test_beta_zero_is_the_plain_generator_bit_for_bit(architecture: str, beam_size: int) -> None:
    requests = requests_for(MRS)
    plain = generator(architecture, beam_size=beam_size).hypotheses(requests)
    for dynamic in (False, True):
        nothing = ContrastOptions("wrong", beta=0.0, plausibility=0.0, dynamic=dynamic)
        same = generator(architecture, beam_size=beam_size, contrast=nothing)
        assert same.hypotheses(requests) == plain


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("dynamic", [False, True])
def test_generated_batches_are_their_records(architecture: str, dynamic: bool) -> None:
    requests = requests_for(MRS)
    for kind in ("dropped", "wrong", "null"):
        options = ContrastOptions(kind, beta=0.5, plausibility=0.05, dynamic=dynamic)
        made = generator(architecture, contrast=options)
        together = made.generate(requests)
        assert [h.text for h in together] == [made.generate([r])[0].text for r in requests]
        plain = generator(architecture).generate(requests)
        assert together[3].text == plain[3].text  # one slot: nothing to perturb
        assert [h.text for h in together] != [h.text for h in plain]
