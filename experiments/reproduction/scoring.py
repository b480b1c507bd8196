"""The scoring stages of a row: outputs in each setting, their scores, their statistics per MR.

Paired tests need the sufficient statistics of both systems on the same requests, never their
outputs: a later session that has no runs can still compare old rows with new ones.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from d2t.corpus.load import load_split
from d2t.generate.candidates import rerank
from d2t.generate.load import load
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest, Hypothesis
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.hashing import sha256_file, sha256_json
from d2t.io.records import write_record
from d2t.language.ngram import NgramLanguageModel
from d2t.mr.types import Plan
from d2t.score.bootstrap import Resampling, sum_by_unit
from d2t.score.fluency import Fluency, WorstWindow
from d2t.score.metric import make_scorers
from d2t.score.records import check_records
from d2t.score.report.report import evaluate_records, resampling_units
from d2t.score.tasks import generation_tasks
from d2t.slots.checker import SlotChecker
from experiments.engine.rows import ERRORS, read_outputs
from experiments.engine.steps import is_current, read_json
from experiments.reproduction.config import DECODERS
from experiments.reproduction.training import make_asset
from experiments.reproduction.workspace import add_scores, entry_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.score.metric import Part
    from d2t.score.records import EvaluationRecord
    from d2t.score.tasks import GenerationTask, PlanMaker
    from d2t.train.loop.progress import Reporter
    from experiments.reproduction.config import Row, Setting, Stage
    from experiments.reproduction.workspace import Workspace


def score_row(workspace: Workspace, row: Row, stage: Stage, progress: Reporter) -> None:
    """Generate and score what a stage still lacks; every score is written as soon as it is made.

    Raises:
        DataError: the row is not trained.
    """
    table = workspace.table
    for asset in workspace.assets(row, stage):
        make_asset(workspace, asset, progress)
    bundle = workspace.folder(row) / workspace.training(row)["bundle"]
    beams = table.beam_size if stage == "beam" else 1
    generator = load(bundle, engine="torch", batch_size=128, beam_size=beams)
    generator.planner = generator.bundle.planner  # "own" is the bigram planner's, whatever else
    planner = _neural_planner(workspace, row, stage)
    checker = SlotChecker.for_domain(generator.domain)
    for corpus in table.corpora(row):
        examples = load_split(corpus, table.split, generator.domain)
        lm = NgramLanguageModel.load(workspace.asset(f"lm-{corpus}"))
        for name, setting in table.settings_of(row, stage).items():
            tasks = generation_tasks(
                examples,
                generator.domain,
                setting.plans,
                n_permutations=setting.permutations,
                seed=table.plan_seed,
                limit=table.limit,
                checker=checker,
                planner=planner if planner is None or setting.sentences else OrderOnly(planner),
            )
            progress.say(f"{row.name}: {corpus}, {name}, {stage}: {len(tasks)} requests")
            paths = {d: workspace.outputs(row, corpus, name, d) for d in DECODERS[stage]}
            identity = {"bundle": sha256_file(bundle / "d2t.json"), "requests": _digest(tasks)}
            answer = beam if stage == "beam" else greedy
            write_answers(
                lambda chunk, answer=answer: answer(generator, chunk),  # type: ignore[misc]
                tasks, paths, identity,
            )  # fmt: skip
            for decoder, path in paths.items():
                key = entry_key(corpus, name, decoder)
                _score(workspace, row, key, setting, path, tasks, checker, lm, generator)


def _score(
    workspace: Workspace,
    row: Row,
    key: str,
    setting: Setting,
    path: Path,
    tasks: list[GenerationTask],
    checker: SlotChecker,
    lm: NgramLanguageModel,
    generator: ModelGenerator,
) -> None:
    """Score one outputs file and add it to the row's committed files."""
    identity = {
        "asked": workspace.table.asked(setting),
        "lexicon": checker.lexicon_digest,
        "outputs": sha256_file(path),
    }
    known = workspace.scores(row).get("scores", {}).get(key, {})
    if all(known.get(name) == value for name, value in identity.items()):
        return
    records = read_outputs(path, tasks, generator.domain)
    text = setting.text and key.endswith("/greedy")
    several = len(tasks) > len({task.mr for task in tasks})
    scores, statistics = score_records(
        records, generator.domain, checker, lm, several=several, text=text
    )
    made = read_json(path.with_suffix(".json"))
    generation = {name: made[name] for name in ("generation_s", "sentences_per_s")}
    add_scores(workspace, row, key, {**identity, "generation": generation, **scores}, statistics)


class OrderOnly:
    """A planner's orders without its sentences, which are then left to the generator."""

    def __init__(self, planner: PlanMaker) -> None:
        self._planner = planner

    def plan(self, mr: MeaningRepresentation) -> Plan:
        """The planner's order."""
        return Plan(self._planner.plan(mr).slots)


def _digest(tasks: list[GenerationTask]) -> str:
    plans = (None if t.plan is None else [t.plan.labels(), t.plan.breaks] for t in tasks)
    return sha256_json([[t.id, plan] for t, plan in zip(tasks, plans, strict=True)])


def _neural_planner(workspace: Workspace, row: Row, stage: Stage) -> PlanMaker | None:
    """The planner of the row's data, if a setting of the stage asks it."""
    from d2t.plan.neural import NeuralPlanner

    name = workspace.made_of_data("planner", row)
    if name not in workspace.assets(row, stage):
        return None
    planner = NeuralPlanner.load(workspace.asset(name))
    planner.sentences = True  # ``OrderOnly`` takes them away where they are not asked for
    return planner


Answer = dict[str, list[Hypothesis]]
"""Hypotheses by decoder."""
CHUNK = 1000
"""Requests between two writes: what a kill can cost."""


def greedy(generator: ModelGenerator, tasks: Sequence[GenerationTask]) -> Answer:
    """Greedy utterances; a strategy that reads no plans says a thing once for all its plans."""
    strategy = generator.bundle.linearizer.strategy
    if strategy.reads_plans:
        return {"greedy": generator.generate([_request(task) for task in tasks])}
    own = {task.mr: GenerationRequest(task.id, task.mr) for task in tasks}
    said = dict(zip(own, generator.generate(list(own.values())), strict=True))
    answers = ((said[task.mr], task) for task in tasks)
    return {"greedy": [replace(h, id=task.id, plan=task.plan or h.plan) for h, task in answers]}


def beam(generator: ModelGenerator, tasks: Sequence[GenerationTask]) -> Answer:
    """The best of each beam by the model, and by the reranker; the beams are searched once."""
    strategy = generator.bundle.linearizer.strategy
    requests = [_request(task) for task in tasks]
    first, best = [], []
    for request, found in zip(requests, generator.hypotheses(requests), strict=True):
        asked = request.plan is not None or strategy.needs_planner
        first.append(found[0])
        best.append(found[rerank(found, by_order=asked)])
    if strategy.name == "random" and any(request.plan is None for request in requests):
        best = _pooling(generator).generate(requests)
    return {"beam": first, "reranked": best}


def _pooling(generator: ModelGenerator) -> ModelGenerator:
    """The same, but several shuffles of RND compete where no order is asked for (rule O5.6)."""
    return ModelGenerator(
        generator.bundle,
        beam_size=generator.beam_size,
        batch_size=generator.batch_size,
        seed=generator.seed,
        rerank=True,
        planner=generator.planner,
    )


def write_answers(
    answer: Callable[[Sequence[GenerationTask]], Answer],
    tasks: Sequence[GenerationTask],
    paths: dict[str, Path],
    identity: dict[str, Any],
) -> None:
    """Generate in chunks and write one file per decoder; a killed run goes on at its chunk.

    Beside each file stands what it answers, and the seconds that generating took.
    """
    facts = {decoder: path.with_suffix(".json") for decoder, path in paths.items()}
    if all(is_current(path, identity) for path in facts.values()):
        return
    chunks = range(0, len(tasks), CHUNK)
    for number, start in enumerate(chunks):
        parts = {decoder: _part(path, number) for decoder, path in paths.items()}
        if all(is_current(part.with_suffix(".json"), identity) for part in parts.values()):
            continue
        began = time.perf_counter()
        answers = answer(tasks[start : start + CHUNK])
        seconds = round(time.perf_counter() - began, 3)
        for decoder, part in parts.items():
            with atomic_write(part) as stream:
                for hypothesis in answers[decoder]:
                    write_record(stream, hypothesis.as_dict())
            atomic_write_json(part.with_suffix(".json"), {"identity": identity, "s": seconds})
    for path in paths.values():
        _join(path, [_part(path, n) for n in range(len(chunks))], len(tasks), identity)


def _join(path: Path, parts: list[Path], n: int, identity: dict[str, Any]) -> None:
    with atomic_write(path) as stream:
        for part in parts:
            stream.write(part.read_text(encoding="utf-8"))
    notes = [part.with_suffix(".json") for part in parts]
    seconds = sum(read_json(note)["s"] for note in notes)
    facts = {"generation_s": round(seconds, 2), "sentences_per_s": round(n / seconds, 1)}
    atomic_write_json(path.with_suffix(".json"), {"identity": identity, **facts})
    for leftover in (*parts, *notes):
        leftover.unlink()


def _part(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.part-{number:03d}.jsonl")


def _request(task: GenerationTask) -> GenerationRequest:
    return GenerationRequest(task.id, task.mr, task.plan)


KEPT = ("slot_error_rate", "exact_utterances", "order_accuracy", "sentence_plan")
"""Metrics whose statistics are committed; BLEU's too where the setting says ``text``."""


def score_records(
    records: list[EvaluationRecord],
    domain: Domain,
    checker: SlotChecker,
    lm: NgramLanguageModel,
    *,
    several: bool,
    text: bool,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The scores and the statistics per MR of one setting.

    Args:
        records: outputs, with plans and references.
        domain: theirs.
        checker: of the domain.
        lm: scores fluency.
        several: whether an MR occurs with several plans: text overlap is then left out, since
            references do not come in random orders (and it is the slowest part).
        text: whether BLEU's statistics are kept.
    """
    parts: tuple[Part, ...] = ("slots", "order") if several else ("slots", "order", "text")
    extra = [scorer(lm, domain, checker) for scorer in (Fluency, WorstWindow)]
    report = evaluate_records(records, domain, parts=parts, checker=checker, extra=extra).as_dict()
    judged = check_records(records, checker)
    units = resampling_units(records, Resampling())
    kept = (*KEPT, *(["bleu"] if text else []))
    statistics = {
        scorer.key: sum_by_unit(scorer.statistics(judged), units).astype(int).tolist()
        for scorer in make_scorers(domain, parts, checker)
        if scorer.key in kept and any(map(scorer.applies, judged))
    }
    asked = [[str(sorted(record.mr.slots)), record.id] for record in records]
    return _as_entry(report), {"requests": sha256_json(asked)[:16], **statistics}


def _as_entry(report: dict[str, Any]) -> dict[str, Any]:
    """What of a report is committed."""
    metrics: dict[str, Any] = report["metrics"]
    return {
        "n_records": report["n_records"],
        "metrics": {
            key: {name: metric[name] for name in ("score", "low", "high", "n")}
            for key, metric in metrics.items()
        },
        "signatures": {key: metric["signature"] for key, metric in metrics.items()},
        "counts": report["counts"],
        "slots": {
            name: [row[error] for error in ERRORS]
            for name, row in report["slots"].items()
            if any(row[error] for error in ERRORS)
        },
    }
