"""One row: train (or resume, or find it done), generate in each setting, score."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.decode.load import load
from d2t.decode.output import hypothesis_as_dict
from d2t.evaluate.records import EvaluationRecord
from d2t.evaluate.report import evaluate_records
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.records import write_record
from d2t.train.run import train
from experiments.table.settings import SETTINGS, requests_for

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.decode.pipeline import ModelGenerator
    from experiments.table.config import Row, TableConfig


def run_row(table: TableConfig, row: Row, runs: Path, *, threads: int | None) -> None:
    """Bring ``runs/<row>/scores-<setting>.json`` up to date; what is done is skipped."""
    config = table.train_config(row)
    config = config.model_copy(update={"run": config.run.model_copy(update={"threads": threads})})
    folder = runs / row.name
    bundle = train(config, folder, resume=True)
    generator = load(bundle, batch_size=128)
    examples = group_references(load_split(config.data.corpus, table.split, generator.domain))
    examples = examples[: table.limit]
    for setting in SETTINGS:
        score_setting(table, setting, examples, generator, folder, bundle)


def score_setting(
    table: TableConfig,
    setting: str,
    examples: list[Example],
    generator: ModelGenerator,
    folder: Path,
    bundle: Path,
) -> None:
    """Generate and score one setting, unless this very model and checker already did."""
    path = folder / f"scores-{setting}.json"
    identity = {
        "bundle": sha256_file(bundle / "d2t.json"),
        "lexicon": generator.checker.lexicon_digest,
        "table": {
            "split": table.split,
            "permutations": table.permutations,
            "seed": table.plan_seed,
        },
        "limit": table.limit,
    }
    if path.is_file() and json.loads(path.read_text(encoding="utf-8"))["identity"] == identity:
        return
    started = time.perf_counter()
    hypotheses = generator.generate(requests_for(setting, examples, generator.domain, table))
    seconds = time.perf_counter() - started
    with atomic_write(folder / f"outputs-{setting}.jsonl") as stream:
        for hypothesis in hypotheses:
            write_record(stream, hypothesis_as_dict(hypothesis, generator.domain))
    references = {example.id: example.references for example in examples}
    records = [
        EvaluationRecord(h.id, h.mr, h.text, h.plan, references[h.id.split("#")[0]])
        for h in hypotheses
    ]
    report: dict[str, Any] = evaluate_records(records, generator.domain).as_dict()
    report.pop("bad")
    atomic_write_json(
        path,
        {
            "identity": identity,
            "setting": setting,
            "n_requests": len(hypotheses),
            "generation_s": round(seconds, 2),
            "sentences_per_s": round(len(hypotheses) / seconds, 1),
            "report": report,
        },
    )
