"""The counterfactual objective: masks, mix, tags on both sides, resumed = uninterrupted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from d2t.augment.counterfactual import fault
from d2t.corpus.files import write_corpus
from d2t.corpus.load import load_split
from d2t.corpus.types import Example
from d2t.errors import ConfigError, DataError
from d2t.language.symbols import COUNTERFACTUAL, FACTUAL, SAY
from d2t.model.loss import smoothed_cross_entropy
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.recipes.run import train
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import load_config, to_toml, validate
from d2t.train.data.batching import BatchPlan, EncodedPair, collate
from d2t.train.data.prepare import prepare_data
from d2t.train.loop.assemble import assemble
from d2t.train.loop.objective import objective_of
from d2t.train.loop.parts import Part
from d2t.train.loop.progress import Reporter, StopFlag
from d2t.train.loop.selection import DevResult
from d2t.train.loop.steps import Loop
from d2t.train.loop.workers import Workers

DOMAIN = load_domain("restaurant")
CHECKER = SlotChecker.for_domain(DOMAIN)
OBJECTIVE = {"objective.name": "counterfactual"}
SMALL = {
    "data.limit": 40, "data.vocab_size": 400, "model.width": 16, "model.ffn": 16, "model.heads": 2,
    "model.encoder_layers": 1, "model.decoder_layers": 1, "train.batch_size": 16,
    "train.max_steps": 4, "select.n_mrs": 2, "select.n_pairs": 8, "select.every": 2,
    "run.device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> dict[str, Any]:
    """Flags of a tiny run on mini, with a development set of a few pairs."""
    path = tmp_path_factory.mktemp("dev") / "dev.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        write_corpus(stream, load_split("mini", "dev", DOMAIN)[:8], DOMAIN, form="jsonl")
    return {**SMALL, "data.dev": str(path)}


# --- configuration --------------------------------------------------------------------------------


def test_the_option_is_left_out_of_ordinary_runs() -> None:
    plain = load_config(None)
    assert plain.objective is None
    assert "objective" not in plain.as_dict()
    assert "objective" not in to_toml(plain.as_dict())


def test_the_objective_takes_a_source_that_shows_no_plan() -> None:
    config = load_config(None, flags=OBJECTIVE)
    assert (config.strategy, config.objective.alpha, config.objective.tags) == ("random", 0.5, True)
    raw = config.as_dict()
    assert validate(raw, "again").digest() == config.digest()
    with pytest.raises(ConfigError, match=r"alignment.*does"):
        load_config(None, flags={**OBJECTIVE, "strategy": "at"})
    with pytest.raises(ConfigError, match=r"objective\.alhpa'.*alpha"):
        load_config(None, flags=OBJECTIVE, sets=["objective.alhpa=0.1"])
    for alpha in (0, 1):
        with pytest.raises(ConfigError, match=r"objective\.alpha"):
            load_config(None, flags=OBJECTIVE, sets=[f"objective.alpha={alpha}"])
    with pytest.raises(ConfigError, match="from scratch"):
        load_config(None, flags={**OBJECTIVE, "model.architecture": "pretrained",
                                 "model.name_or_path": "x"})  # fmt: skip


# --- labels and loss ------------------------------------------------------------------------------


def test_given_tokens_are_read_and_are_no_labels() -> None:
    pairs = [EncodedPair((5, 2), (7, 8, 9, 2)), EncodedPair((6, 2), (7, 8, 9, 2), given=2)]
    batch = collate(pairs, BatchPlan((0, 1), 2, 2, 4), pad_id=0, bos_id=1)
    assert batch.labels.tolist() == [[7, 8, 9, 2], [0, 0, 9, 2]]
    assert batch.decoder_input.tolist() == [[1, 7, 8, 9]] * 2
    assert batch.n_tokens == 6
    # The loss of the second row is that of its last two positions, and nothing flows elsewhere.
    logits = torch.randn(1, 4, 11, requires_grad=True)
    total, n = smoothed_cross_entropy(logits, batch.labels[1:], pad_id=0, smoothing=0.0)
    by_hand = -logits.log_softmax(-1)[0, [2, 3], [9, 2]].sum()
    assert n == 2
    assert total.item() == pytest.approx(by_hand.item(), rel=1e-5)
    total.backward()
    assert logits.grad[0, :2].abs().sum() == 0


def test_denominators_by_hand() -> None:
    assert Part([1]).denominator(3, 10) == 10
    assert Part([1], 0.25).denominator(3, 10) == 12


class Fixed(nn.Module):
    """Logits that are its one weight everywhere: the loss of a label is known."""

    def __init__(self) -> None:
        super().__init__()
        self.pad_id, self.bos_id, self.eos_id, self.vocab_size = 0, 1, 2, 5
        self.scores = nn.Parameter(torch.tensor([0.0, 0.0, 1.0, 2.0, 3.0]))

    def forward(self, source_ids: Any, source_mask: Any, target_ids: Any) -> torch.Tensor:
        return self.scores.expand(*target_ids.shape, 5)


class AsTheyAre:
    def encode_epoch(self, pairs: Any, epoch: Any) -> list[EncodedPair]:
        return list(pairs)


@dataclass
class Toy:
    model: Any
    encoder: Any


def toy_loop(parts: list[Part]) -> Loop:
    config = validate(
        {
            "strategy": "random",
            "train": {"batch_size": 2, "max_steps": 1, "label_smoothing": 0.0, "average": 0,
                      "clip": 0, "accumulate": 1},
            "run": {"device": "cpu"},
        },
        "toy",
    )  # fmt: skip
    return Loop(config, Toy(Fixed(), AsTheyAre()), parts, Workers("cpu"))


def test_the_mix_is_the_weighted_mean_of_mean_losses(tmp_path) -> None:
    factual = [EncodedPair((3, 2), (3, 2)), EncodedPair((3, 2), (3, 3, 2))]
    counterfactual = [EncodedPair((3, 2), (3, 4, 2), given=1)] * 2
    nll = -torch.tensor([0.0, 0.0, 1.0, 2.0, 3.0]).log_softmax(-1)
    mean_f = (3 * nll[3] + 2 * nll[2]).item() / 5
    mean_c = (nll[4] + nll[2]).item() / 2
    for alpha in (0.5, 0.25):
        loop = toy_loop([Part(factual, 1 - alpha), Part(counterfactual, alpha)])
        loss, _ = loop._step()
        assert loss == pytest.approx((1 - alpha) * mean_f + alpha * mean_c, rel=1e-5)
    pooled = toy_loop([Part(factual), Part(counterfactual)])
    assert pooled._step()[0] == pytest.approx((5 * mean_f + 4 * mean_c) / 9, rel=1e-5)
    alone = toy_loop([Part(factual)])
    assert alone._step()[0] == pytest.approx(mean_f, rel=1e-5)


def test_parts_are_recycled_and_remember_where_they_stand(tmp_path) -> None:
    pairs = [EncodedPair((3, 2), (3, 2))]
    loop = toy_loop([Part(pairs * 6, 0.5), Part(pairs * 2, 0.5)])
    for _ in range(3):
        loop._step()
    assert (loop.progress.epoch, loop.progress.batch) == (0, 3)
    assert loop.progress.beside == ((2, 1),)
    loop.save(tmp_path)
    again = toy_loop([Part(pairs * 6, 0.5), Part(pairs * 2, 0.5)])
    again.restore(tmp_path)
    loop._step()
    again._step()
    assert again.progress.beside == loop.progress.beside == ((3, 1),)
    with pytest.raises(DataError, match="no pairs"):
        toy_loop([Part(pairs), Part([])])


# --- data -----------------------------------------------------------------------------------------


def prepared_by(config):
    return objective_of(config).prepare(config, prepare_data(config.data), lambda _: None)


def parts_of(config, data):
    return objective_of(config).parts(SimpleNamespace(data=data)).parts


@pytest.fixture(scope="module")
def prepared(small):
    config = load_config(None, flags={**OBJECTIVE, **small})
    return config, prepared_by(config)


def test_every_pair_is_verified_and_reads_no_test_mr(prepared) -> None:
    _, data = prepared
    held_out = {example.mr.key() for example in load_split("mini", "test", DOMAIN)}
    assert data.counts["counterfactual_used"] == len(data.beside) > 10
    for pair in data.beside:
        assert not pair.factual
        assert fault(pair.example, CHECKER, held_out) is None
    assert all(pair.factual for pair in data.pairs)


def test_tags_on_both_sides_and_only_utterances_are_labels(prepared) -> None:
    config, data = prepared
    encoder = assemble(config, data).encoder
    ids = encoder.tokenizer.symbol_ids
    for pairs, tag in ((data.train, FACTUAL), (data.beside, COUNTERFACTUAL)):
        for encoded in encoder.encode_epoch(pairs[:10], 0):
            assert encoded.source[0] == encoded.target[0] == ids[tag]
            end = encoded.target.index(ids[SAY]) + 1
            assert encoded.given == (0 if tag == FACTUAL else end)
            assert ids[SAY] not in encoded.target[end:]


def test_two_parts_with_their_shares(prepared) -> None:
    config, data = prepared
    parts = parts_of(config, data)
    assert [(len(p.pairs), p.share) for p in parts] == [(40, 0.5), (len(data.beside), 0.5)]


def test_the_control_arm_has_no_counterfactual_pairs(small) -> None:
    config = load_config(None, flags={**OBJECTIVE, **small, "objective.pairs": []})
    data = prepared_by(config)
    [part] = parts_of(config, data)
    assert (len(part.pairs), part.share) == (40, None)


@pytest.mark.parametrize(
    ("mr", "said"),
    [
        ("name[Aromi], eatType[pub], food[French]", ("name", "eatType")),  # leaves out
        ("name[Aromi]", ("name", "eatType")),  # adds
        ("name[Aromi], eatType[restaurant]", ("name", "eatType")),  # says otherwise
    ],
)
def test_uncorrected_pairs_that_contradict_themselves_are_tagged(tmp_path, mr, said) -> None:
    agrees = "name[Aromi], eatType[pub]"
    lines = [(agrees, "Aromi is a pub."), (mr, "Aromi is a pub.")]
    path = tmp_path / "noisy.csv"
    text = "".join(f'"{mr}",{ref}\n' for mr, ref in lines * 3)
    path.write_text("mr,ref\n" + text, encoding="utf-8")
    config = load_config(None, flags={
        **OBJECTIVE, **SMALL, "data.train": str(path), "data.dev": str(path),
        "data.correct": False, "objective.sources": ["noisy"],
    })  # fmt: skip
    data = prepared_by(config)
    assert {str(pair.example.mr) for pair in data.train} == {str(parse_mr(agrees, DOMAIN))}
    assert data.counts["not_factual"] == 3
    [pair] = data.beside
    assert pair.example.mr == parse_mr(mr, DOMAIN)
    assert pair.example.plan.names == said


def test_files_are_checked(small, tmp_path) -> None:
    path = tmp_path / "pairs.jsonl"
    mr = parse_mr("name[Aromi], eatType[pub]", DOMAIN)
    plan = CHECKER.align("Aromi is a pub.").plan()
    example = Example("x", mr, ("Aromi is a pub.",), plan, "counterfactual")
    with path.open("w") as stream:
        write_corpus(stream, [example], DOMAIN, form="jsonl")
    config = load_config(None, flags={**OBJECTIVE, **small, "objective.pairs": [str(path)]})
    with pytest.raises(DataError, match=r"no counterfactual pair .no_contradiction"):
        prepared_by(config)
    plain = load_config(None, flags={**small, "data.augment": [str(path)]})
    with pytest.raises(DataError, match=r"objective\.pairs"):
        prepare_data(plain.data)


# --- the run --------------------------------------------------------------------------------------


class StopAt(Reporter):
    """Asks a loop to stop after a step."""

    def __init__(self, step: int, flag: StopFlag) -> None:
        self.at, self.flag = step, flag

    def step(self, step: int, loss: float, pairs_per_s: float) -> None:
        self.flag.requested = self.flag.requested or step == self.at


def test_resumed_is_uninterrupted(prepared, tmp_path) -> None:
    config, data = prepared

    def loop() -> Loop:
        return Loop(config, assemble(config, data), parts_of(config, data), Workers("cpu"))

    def run(loop: Loop, folder, at: int | None) -> bool:
        flag = StopFlag()
        reporter = Reporter() if at is None else StopAt(at, flag)
        result = DevResult({}, 0.0, [])
        return loop.run(lambda _: result, lambda *_: None, folder, flag, reporter)

    whole, first, rest = loop(), loop(), loop()
    assert run(whole, tmp_path / "whole", None)
    assert not run(first, tmp_path / "part", 3)
    rest.restore(tmp_path / "part")
    assert run(rest, tmp_path / "part", None)
    assert rest.progress.beside == whole.progress.beside
    for ours, theirs in zip(rest.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_run_makes_a_bundle_that_generates_by_plans(small, tmp_path) -> None:
    from d2t.generate.load import load

    config = load_config(None, flags={**OBJECTIVE, **small})
    bundle = train(config, tmp_path / "run")
    generator = load(bundle, max_length=8)
    assert generator.bundle.linearizer.plan_first.tags
    assert generator.bundle.info["config"]["objective"]["name"] == "counterfactual"
    assert "says the plan before the utterance" in (bundle / "README.md").read_text("utf-8")
    said = generator.generate_one("name[Aromi], eatType[pub]", "eatType > name")
    assert said.plan.names == ("eatType", "name")
    assert "<" not in said.text
    assert math.isfinite(said.score)
    own = generator.generate_one("name[Aromi], eatType[pub]")
    assert set(own.plan.names) == {"eatType", "name"}
