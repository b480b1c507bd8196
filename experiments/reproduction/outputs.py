"""The outputs of a row in one setting: greedy, or beam candidates read in two ways."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from d2t.generate.candidates import rerank
from d2t.generate.output import hypothesis_as_dict
from d2t.generate.pipeline import ModelGenerator
from d2t.generate.types import GenerationRequest, Hypothesis
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.records import write_record
from experiments.engine.steps import is_current

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d2t.score.tasks import GenerationTask

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
    return {"greedy": [_answering(said[task.mr], task) for task in tasks]}


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
    generator: ModelGenerator,
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
                    write_record(stream, hypothesis_as_dict(hypothesis, generator.domain))
            atomic_write_json(part.with_suffix(".json"), {"identity": identity, "s": seconds})
    for path in paths.values():
        _join(path, [_part(path, n) for n in range(len(chunks))], len(tasks), identity)


def _join(path: Path, parts: list[Path], n: int, identity: dict[str, Any]) -> None:
    with atomic_write(path) as stream:
        for part in parts:
            stream.write(part.read_text(encoding="utf-8"))
    notes = [part.with_suffix(".json") for part in parts]
    seconds = sum(json.loads(note.read_text(encoding="utf-8"))["s"] for note in notes)
    facts = {"generation_s": round(seconds, 2), "sentences_per_s": round(n / seconds, 1)}
    atomic_write_json(path.with_suffix(".json"), {"identity": identity, **facts})
    for leftover in (*parts, *notes):
        leftover.unlink()


def _part(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.part-{number:03d}.jsonl")


def _request(task: GenerationTask) -> GenerationRequest:
    return GenerationRequest(task.id, task.mr, task.plan)


def _answering(said: Hypothesis, task: GenerationTask) -> Hypothesis:
    """The same utterance as an answer to another request for its MR."""
    return replace(said, id=task.id, plan=task.plan or said.plan)
