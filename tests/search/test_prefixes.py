"""Prefix forcing: searches go on from what the decoder was given, batch = single."""

from __future__ import annotations

import pytest
import torch
from echo_bundle import echo_bundle, save_random_bundle
from scripted_models import PAD, RandomModel, TableModel

from d2t.errors import BundleError, UsageError
from d2t.generate.contrast import ContrastOptions
from d2t.generate.contrast_engine import ContrastEngine, contrast_engine
from d2t.linearize.source import Linearizer, PlanFirst
from d2t.model.bundle.network import Bundle
from d2t.search.backend import EncodedSource, SampleKey, SamplingOptions, in_groups
from d2t.search.beam import beam_search
from d2t.search.ct2_backend import require_no_prefix
from d2t.search.greedy import greedy_search, pad_sources
from d2t.search.torch_backend import PrefixedModel, TorchBackend

SOURCES = [[3, 4, 5], [6], [7, 8, 9], [5, 5]]
PREFIXES = [[4, 5], [6, 7], [3, 3], [9, 4]]


def test_a_search_begins_after_the_prefix() -> None:
    model = TableModel({1: {3: 1.0}, 5: {6: 1.0}, 6: {7: 0.5, 4: 0.5}})
    [result] = greedy_search(PrefixedModel(model, [[3, 5]]), *pad_sources([[3]], PAD), max_length=9)
    assert result.ids == (6, 4)
    assert result.finished
    assert result.score == pytest.approx(torch.tensor(0.5).log().item() / 3)


def test_stepping_is_what_teacher_forcing_computes() -> None:
    model = RandomModel(3)
    ids, mask = pad_sources(SOURCES, PAD)
    targets = torch.tensor([[1, 5, 6], [1, 3, 8], [1, 9, 9], [1, 4, 10]])
    wrapped = PrefixedModel(model, PREFIXES)
    forced = wrapped(ids, mask, targets)
    plain = model(ids, mask, torch.cat([targets[:, :1], torch.tensor(PREFIXES), targets[:, 1:]], 1))
    assert torch.equal(forced, plain[:, 2:])
    state = wrapped.start(ids, mask)
    for at in range(3):
        logits, state = wrapped.step(targets[:, at], state)
        assert torch.allclose(logits, forced[:, at], atol=1e-6)


@pytest.mark.parametrize("beam", [1, 3])
def test_batch_is_single(beam: int) -> None:
    def search(rows: list[int]):
        model = PrefixedModel(RandomModel(7), [PREFIXES[at] for at in rows])
        sources = pad_sources([SOURCES[at] for at in rows], PAD)
        return beam_search(model, *sources, beam_size=beam, n_best=beam, max_length=8)

    together = search([0, 1, 2, 3])
    assert together
    for at, results in enumerate(together):
        assert [r.ids for r in results] == [r.ids for r in search([at])[0]]


def test_items_of_one_key_share_a_call_and_results_keep_their_order() -> None:
    calls: list[list[str]] = []

    def run(batch: list[str]) -> list[str]:
        calls.append(batch)
        return [item.upper() for item in batch]

    assert in_groups(["a", "", "b", "cd"], len, run) == ["A", "", "B", "CD"]
    assert calls == [["a", "b"], [""], ["cd"]]
    assert in_groups([], len, run) == []


def test_prefixes_of_one_batch_have_one_length() -> None:
    for prefixes in ([[1], [2, 3]], [[]]):
        with pytest.raises(UsageError, match="one length"):
            PrefixedModel(RandomModel(), prefixes)


def test_the_backend_takes_prefixes_of_any_lengths(tmp_path) -> None:
    bundle = Bundle.load(save_random_bundle(tmp_path / "random"))
    backend = TorchBackend(bundle)
    word = bundle.tokenizer.vocab_size - 1
    sources = [EncodedSource((5, 9, 2), (), tuple([word] * n)) for n in (0, 3, 1, 3)]
    options = SamplingOptions(method="ancestral", n_samples=2, keep=2)
    rows = [(at, SampleKey(at + 1, k)) for at in range(4) for k in range(2)]
    with backend.session():
        greedy = backend.greedy(sources, max_length=6)
        beams = backend.beams(sources, beam_size=2, max_length=6, length_penalty=1.0)
        samples = backend.samples(sources, rows, options, max_length=6)
        for at, source in enumerate(sources):
            assert backend.greedy([source], max_length=6)[0].ids == greedy[at].ids
            alone = backend.beams([source], beam_size=2, max_length=6, length_penalty=1.0)
            assert [r.ids for r in alone[0]] == [r.ids for r in beams[at]]
            own = [(0, key) for of, key in rows if of == at]
            drawn = backend.samples([source], own, options, max_length=6)
            assert [r.ids for r in drawn] == [r.ids for r in samples[2 * at : 2 * at + 2]]
    assert greedy[1].ids == greedy[3].ids


def test_what_cannot_force_a_prefix_says_so(tmp_path) -> None:
    parts = echo_bundle("random")
    own = parts.linearizer
    parts.linearizer = Linearizer(own.domain, own.strategy, own.inventory, PlanFirst())
    with pytest.raises(BundleError, match="--engine torch"):
        require_no_prefix(parts, tmp_path)
    bundle = Bundle.load(save_random_bundle(tmp_path / "random"))
    options = ContrastOptions("dropped", 0.5, 0.1)
    assert isinstance(contrast_engine(bundle, options), ContrastEngine)
    bundle.linearizer = parts.linearizer
    with pytest.raises(UsageError, match="reads the plan"):
        contrast_engine(bundle, options)
