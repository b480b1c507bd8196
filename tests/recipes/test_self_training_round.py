"""One round: deterministic, resumable after any block, and its files say what happened."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from grammar_writer import CHECKER, DOMAIN, GrammarWriter, corpus

from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.generate.candidates import Candidate
from d2t.language.labels import read
from d2t.recipes.self_training.config import FilterConfig, SampleConfig
from d2t.recipes.self_training.filters import REASONS, Residue, SampleFilter, Thresholds
from d2t.recipes.self_training.proposals import Proposal, ProposalSource
from d2t.recipes.self_training.sampling import Joiner, Round, RoundFiles, TrainingPlans
from d2t.search.backend import SamplingOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAMPLE = SampleConfig(target=40, block=12, max_size=6, per_proposal=2)
FILTER = FilterConfig(
    rare_share=0, telling_share=1.0, bound_share=1.0, fluency_quantile=0, window_quantile=0
)
PAIRS = [read(example, CHECKER, DOMAIN) for example in corpus("train")]
HELD_OUT = frozenset(example.mr.key() for example in corpus("dev", 60))


def make_round(folder: Path, generator: GrammarWriter, seed: int = 1, **changes: Any) -> Round:
    sample = SAMPLE.model_copy(update=changes)
    source = ProposalSource(sample, HELD_OUT, None)
    source.fit([pair.example for pair in PAIRS], DOMAIN)
    residue, known = Residue(FILTER), TrainingPlans(DOMAIN)
    residue.fit(PAIRS)
    chain = SampleFilter(
        FILTER, sample, CHECKER, DOMAIN,
        thresholds=Thresholds.fit(FILTER, [p.template for p in PAIRS], [], -1.0),
        residue=residue, held_out=HELD_OUT,
    )  # fmt: skip
    for pair in PAIRS:
        chain.remember(pair)
        known.add(pair)
    return Round(
        1, seed, sample, generator, SamplingOptions(), source, chain, CHECKER, DOMAIN, known,
        RoundFiles(folder), {"seed": seed, **changes},
    )  # fmt: skip


def content(folder: Path) -> list[Any]:
    """All that a round writes, without times."""
    files = RoundFiles(folder)
    report = json.loads(files.report.read_text())
    timeless = {k: v for k, v in report.items() if k not in ("sampling_s", "drawn_per_s")}
    proposals = files.proposals.read_bytes()
    return [files.samples.read_text(), proposals, timeless]


def stop_after(n: int) -> Callable[[], bool]:
    """Says stop at the call after the first ``n``."""
    calls = iter(range(n))
    return lambda: next(calls, None) is None


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("round") / "whole"
    assert make_round(folder, GrammarWriter()).run()
    return folder


def test_a_round_writes_what_training_reads(whole: Path) -> None:
    examples = load_split(str(RoundFiles(whole).samples), "train", DOMAIN)
    assert len(examples) >= 40
    assert len({example.id for example in examples}) == len(examples)
    for example in examples:
        alignment = CHECKER.align(example.references[0], example.mr)
        assert example.plan == alignment.plan()
        assert {span.slot for span in alignment.spans} == set(example.mr.slots)
        assert example.plan.breaks is not None
        assert example.mr.key() not in HELD_OUT


def test_the_report_counts_what_happened(whole: Path) -> None:
    files = RoundFiles(whole)
    report = json.loads(files.report.read_text())
    with gzip.open(files.proposals, "rt", encoding="utf-8") as stream:
        proposals = [json.loads(line) for line in stream]
    outcomes = [outcome for p in proposals for _, _, outcome in p["samples"]]
    assert report["proposals"] == len(proposals)
    assert report["samples"] == len(outcomes) == 2 * len(proposals)
    assert report["accepted"] == outcomes.count("accepted")
    assert report["accepted"] + sum(report["dropped"].values()) == report["samples"]
    assert set(report["dropped"]) <= set(REASONS)
    assert sum(report["accepted_by_proposed_size"].values()) == report["accepted"]
    assert 0 < report["mr_as_proposed"] < 1  # the writer leaves a slot out every other time
    assert 0.3 < report["unseen_plans"] <= 1
    assert report["distinct_templates"] <= report["accepted"]


def test_sizes_are_balanced(whole: Path) -> None:
    sizes = json.loads(RoundFiles(whole).report.read_text())["accepted_by_proposed_size"]
    assert set(sizes) == {"3", "4", "5", "6"}
    assert min(sizes.values()) >= 10


def test_a_round_is_deterministic_and_depends_on_its_seed(whole: Path, tmp_path: Path) -> None:
    assert make_round(tmp_path / "again", GrammarWriter()).run()
    assert content(tmp_path / "again") == content(whole)
    assert make_round(tmp_path / "other", GrammarWriter(), seed=2).run()
    assert content(tmp_path / "other")[0] != content(whole)[0]


@pytest.mark.parametrize("block", [1, 2])
def test_stopped_and_resumed_is_as_uninterrupted(whole: Path, tmp_path: Path, block: int) -> None:
    folder = tmp_path / "round"
    assert not make_round(folder, GrammarWriter()).run(stop=stop_after(block))
    assert not RoundFiles(folder).report.exists()
    rest = GrammarWriter()
    assert make_round(folder, rest).run()
    assert content(folder) == content(whole)
    total = json.loads(RoundFiles(whole).report.read_text())["proposals"]
    assert rest.calls == -(-total // SAMPLE.block) - block, "finished blocks are not sampled again"


def test_killed_in_a_block_and_resumed(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "round"
    with pytest.raises(KeyboardInterrupt):
        make_round(folder, GrammarWriter(die_at=2)).run()
    assert make_round(folder, GrammarWriter()).run()
    assert content(folder) == content(whole)


def test_a_finished_round_is_left_alone_and_another_is_refused(whole: Path, tmp_path: Path) -> None:
    idle = GrammarWriter()
    assert make_round(whole, idle).run()
    assert idle.calls == 0
    folder = tmp_path / "round"
    make_round(folder, GrammarWriter()).run(stop=stop_after(1))
    with pytest.raises(DataError, match="other settings"):
        make_round(folder, GrammarWriter(), target=61).run()


def test_max_proposals_ends_a_round_that_finds_nothing(tmp_path: Path) -> None:
    this = make_round(tmp_path / "round", GrammarWriter(), max_proposals=20)
    this.filter.thresholds = Thresholds(0.0, -9.0, -9.0, 3, this.filter.thresholds.model)
    assert this.run()
    report = json.loads(this.files.report.read_text())
    assert (report["proposals"], report["accepted"]) == (20, 0)
    assert report["dropped"].keys() >= {"confidence"}


class SecondTimeLucky(GrammarWriter):
    """Says nothing of use at the first try for a proposal; the seed tells the tries apart."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, list[str]]] = []

    def candidates(self, requests: Any, options: Any = None) -> Any:
        """Empty lists at the first try, texts at the second."""
        self.asked.append((options.seed, [request.id for request in requests]))
        first = options.seed == SamplingOptions().seed
        return [[] for _ in requests] if first else super().candidates(requests, options)


def test_proposals_that_leave_no_sample_are_drawn_again(tmp_path: Path) -> None:
    none = SecondTimeLucky()
    assert make_round(tmp_path / "none", none, max_proposals=12, target=6).run()
    assert RoundFiles(tmp_path / "none").samples.read_text() == ""
    again = SecondTimeLucky()
    assert make_round(tmp_path / "again", again, max_proposals=12, target=6, retries=2).run()
    examples = load_split(str(RoundFiles(tmp_path / "again").samples), "train", DOMAIN)
    assert len(examples) >= 6
    (first, all_ids), (second, same), (third, rest) = again.asked[:3]
    assert len({first, second, third}) == 3
    assert same == all_ids
    left = {example.id.rsplit("-", 1)[0] for example in examples}
    assert set(rest) == set(all_ids) - left


def test_what_no_draw_says_is_joined_of_parts(tmp_path: Path) -> None:
    """Only proposals without a sample are joined, and what is joined is judged like the rest."""
    asked: list[str] = []

    def joined(requests: Any) -> Any:
        asked.extend(request.id for request in requests)
        return GrammarWriter().candidates(requests)

    mute = SecondTimeLucky()
    this = make_round(tmp_path / "mute", mute, max_proposals=12)
    this.joiner = Joiner(joined, this.filter)
    assert this.run()
    report = json.loads(this.files.report.read_text())
    assert len(set(asked)) == 12
    assert report["joined"] == report["accepted"] >= 12
    assert report["joined"] + sum(report["dropped"].values()) == report["samples"] >= 24

    asked.clear()
    this = make_round(tmp_path / "fluent", GrammarWriter(), max_proposals=12)
    this.joiner = Joiner(joined, this.filter)
    assert this.run()
    with gzip.open(this.files.proposals, "rt", encoding="utf-8") as stream:
        verdicts = {p["id"]: [v for _, _, v in p["samples"]] for p in map(json.loads, stream)}
    unsaid = [id for id, found in verdicts.items() if "accepted" not in found]
    assert list(dict.fromkeys(asked)) == unsaid
    assert len(unsaid) < 12


def test_what_is_joined_is_held_to_milder_limits(tmp_path: Path) -> None:
    """Two filters that share what they remember: nothing comes in twice."""
    this = make_round(tmp_path / "round", SecondTimeLucky(), max_proposals=12)
    strict = replace(this.filter.thresholds, fluency=0.0)
    this.filter.thresholds = strict
    mild = this.filter.with_limits(strict.limited(FILTER.for_joined(), []), {})
    this.joiner = Joiner(GrammarWriter().candidates, mild)
    assert this.run()
    assert json.loads(this.files.report.read_text())["joined"] >= 12
    examples = load_split(str(this.files.samples), "train", DOMAIN)
    again = read(examples[0], CHECKER, DOMAIN)
    sample = Candidate(again.template, again.example.references[0], 0.0)
    assert this.filter.thresholds is strict
    this.filter.thresholds = mild.thresholds
    proposal = Proposal("x", 3, again.example.mr, again.plan)
    assert this.filter.judge("x", proposal, sample) == "duplicate"


def test_the_share_of_joined_texts_scales_the_quantiles_of_fluency() -> None:
    chosen = FilterConfig(fluency_quantile=0.4, window_quantile=0.6, classifier_quantile=0.2)
    mild = chosen.for_joined()
    assert (mild.fluency_quantile, mild.window_quantile) == (0.2, 0.3)
    assert mild.classifier_quantile == 0.1
    assert mild.confidence_quantile == chosen.confidence_quantile


def test_where_planned_sentences_cannot_be_joined_others_are(tmp_path: Path) -> None:
    asked: list[tuple[str, bool]] = []

    def joined(requests: Any) -> Any:
        asked.extend((r.id, r.plan.breaks is not None) for r in requests)
        found = GrammarWriter().candidates(requests)
        return [[] if r.plan.breaks else c for r, c in zip(requests, found, strict=True)]

    this = make_round(tmp_path / "round", SecondTimeLucky(), max_proposals=12)
    this.joiner = Joiner(joined, this.filter)
    assert this.run()
    first, second = asked[:12], asked[12:]
    assert second
    assert set(second) <= {(id, False) for id, planned in first if planned}
