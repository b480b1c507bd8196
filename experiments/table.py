"""``python -m experiments.table experiments/strategies.toml``: train, score, write the table.

What is done is skipped, row by row and setting by setting. The table has 95% intervals.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from pydantic import Field

from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write_json, atomic_write_text
from d2t.io.hashing import sha256_file
from d2t.io.manifest import run_manifest
from d2t.mr.domain import load_domain
from d2t.recipes.run import train
from d2t.score.report.report import evaluate_records
from d2t.score.tasks import generation_tasks
from d2t.slots.checker import SlotChecker
from d2t.train.loop.progress import default_reporter
from experiments.engine.processes import Job, exit_code
from experiments.engine.rows import (
    ERRORS,
    RESULTS,
    Row,
    RowTable,
    read_outputs,
    row_parser,
    run_rows,
    systems,
)
from experiments.engine.steps import is_current, read_json, write_outputs
from experiments.engine.table import cell, spread, table_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from d2t.generate.pipeline import ModelGenerator
    from d2t.mr.domain import Domain
    from d2t.score.tasks import GenerationTask, PlanMode
    from d2t.train.loop.progress import Reporter


MODULE = "experiments.table"
SETTINGS: tuple[PlanMode, ...] = ("own", "display", "random")
"""The orders each system is asked for: (a), (b) and (c) of the tables."""


class TableConfig(RowTable[Row]):
    """A whole table.

    Attributes:
        permutations: random plans per MR in setting (c).
    """

    permutations: int = Field(default=3, ge=1)


def run_row(
    table: TableConfig, row: Row, runs: Path, *, threads: int | None, progress: Reporter
) -> None:
    """Bring ``runs/<row>`` up to date: bundle, outputs and scores; what is done is skipped."""
    config = table.train_config(row, threads=threads)
    folder = runs / row.name
    command = [*_command(table), "--only", row.name]
    training = folder / "training"
    bundle = train(config, training, resume=True, progress=progress, command=command)
    domain = load_domain(config.data.domain)
    examples = load_split(config.data.corpus, table.split, domain)
    shared = table.model_dump(include={"split", "permutations", "plan_seed", "limit"})
    asked = {"bundle": sha256_file(bundle / "d2t.json"), **shared}
    generator: ModelGenerator | None = None
    for setting in SETTINGS:
        path = folder / f"outputs-{setting}.jsonl"
        tasks = generation_tasks(
            examples,
            domain,
            setting,
            n_permutations=table.permutations,
            seed=table.plan_seed,
            limit=table.limit,
        )
        if not is_current(folder / f"outputs-{setting}.json", asked):
            generator = generator or load(bundle, batch_size=128)
            requests = [GenerationRequest(task.id, task.mr, task.plan) for task in tasks]
            answer = partial(generator.generate, requests)
            write_outputs(answer, path, asked)
        score_outputs(path, tasks, domain, folder / f"scores-{setting}.json")


def score_outputs(path: Path, tasks: list[GenerationTask], domain: Domain, scores: Path) -> None:
    """Score one outputs file with the repository's lexicon, unless it stands scored already."""
    identity = {
        "outputs": sha256_file(path),
        "lexicon": SlotChecker.for_domain(domain).lexicon_digest,
        "domain": domain.digest,
    }
    if is_current(scores, identity):
        return
    report = evaluate_records(read_outputs(path, tasks, domain), domain).as_dict()
    made = read_json(path.with_suffix(".json"))
    atomic_write_json(scores, {"identity": identity, "generation": made, "report": report})


def main(argv: Sequence[str] | None = None) -> int:
    """Run all rows, or the one named; exit 1 when a row failed."""
    line = row_parser(MODULE, __doc__)
    line.add_argument("table", type=Path)
    return exit_code(partial(run, line.parse_args(argv)))


def run(args: argparse.Namespace) -> int:
    """What the options ask for."""
    started = time.time()
    table = TableConfig.read(args.table)
    runs = args.runs or Path("runs") / table.results
    if args.only:
        progress = default_reporter(500)
        run_row(table, table.row(args.only), runs, threads=args.threads, progress=progress)
        return 0
    done = run_rows(
        MODULE,
        [Job(row.name) for row in table.rows],
        args,
        options=lambda job: ["--only", job.name, "--runs", str(runs)],
        log=lambda job: runs / job.name / "log.txt",
    )
    missing = write_results(table, runs, args.out or RESULTS / table.results, started=started)
    if missing:
        print(f"not in the table: {', '.join(missing)}; see {runs}/*/log.txt", file=sys.stderr)
    return 0 if done and not missing else 1


TITLES = {
    "own": "(a) the model's own order",
    "display": "(b) the fixed display order",
    "random": "(c) random plans",
}
_PLANS = ("slot_error_rate", "exact_utterances", "order_accuracy", "kendall_tau")
COLUMNS = {
    "own": ("bleu", "chrf", "rouge_l", *_PLANS),
    "display": (*_PLANS, "bigram_f1"),
    "random": (*_PLANS, "bigram_f1"),
}


def _command(table: TableConfig) -> list[str]:
    return ["python", "-m", MODULE, f"experiments/{table.results}.toml"]


def write_results(table: TableConfig, runs: Path, out: Path, *, started: float) -> list[str]:
    """Write ``results.json`` and ``table.md`` into ``out``; returns the names of missing rows."""
    rows = [
        row
        for row in table.rows
        if all((runs / row.name / f"scores-{name}.json").is_file() for name in SETTINGS)
    ]
    found: dict[str, dict[str, Any]] = {
        row.name: {
            "label": row.label,
            "training": read_json(runs / row.name / "training" / "run.json"),
            **{name: read_json(runs / row.name / f"scores-{name}.json") for name in SETTINGS},
        }
        for row in rows
    }
    digests = [one["training"]["data_sha256"] for one in found.values()]
    manifest = run_manifest(
        command=_command(table),
        config=table.model_dump(mode="json"),
        data={key: value for digest in digests for key, value in digest.items()},
        seeds={"plans": table.plan_seed},
        started=started,
    )
    atomic_write_json(out / "results.json", {"manifest": manifest, "rows": found})
    atomic_write_text(out / "table.md", markdown(table, found))
    return [row.name for row in table.rows if row not in rows]


def markdown(table: TableConfig, found: dict[str, dict[str, Any]]) -> str:
    """One Markdown table per setting with 95% intervals, how the rows were trained, signatures.

    Args:
        table: as it was run.
        found: the rows of ``results.json``.
    """
    rows = [row for row in table.rows if row.name in found]
    lines = [f"# {table.title}", "", *summary_lines(rows, found)]
    signatures: dict[str, str] = {}
    for setting in SETTINGS:
        reports = {row.name: found[row.name][setting]["report"] for row in rows}
        keys = [
            key
            for key in COLUMNS[setting]
            if rows and all(key in report["metrics"] for report in reports.values())
        ]
        for key in keys:
            metric = reports[rows[0].name]["metrics"][key]
            signatures[metric["label"]] = metric["signature"]
        lines += setting_lines(table, TITLES[setting], rows, reports, keys)
    lines += training_lines(table, rows, found)
    lines += ["Intervals: 95% percentile bootstrap over MRs. Signatures:", ""]
    lines += [f"- {name}: `{signature}`" for name, signature in signatures.items()]
    return "\n".join(lines) + "\n"


SUMMARY = (
    ("own", "bleu", "BLEU"),
    ("own", "chrf", "chrF"),
    ("own", "slot_error_rate", "SER (a)"),
    ("own", "exact_utterances", "exact (a)"),
    ("own", "order_accuracy", "order (a)"),
    ("display", "order_accuracy", "order (b)"),
    ("random", "slot_error_rate", "SER (c)"),
    ("random", "order_accuracy", "order (c)"),
)
"""What a reader wants first; (a), (b), (c) as in ``TITLES``."""


def summary_lines(rows: list[Row], found: dict[str, dict[str, Any]]) -> list[str]:
    """One line per system: the score, or mean and standard deviation over its seeds."""
    body = []
    for name, members in systems(rows).items():
        cells = [name, str(len(members))]
        for setting, key, _ in SUMMARY:
            reports = [found[row.name][setting]["report"] for row in members]
            cells.append(spread([report["metrics"].get(key) for report in reports]))
        body.append(cells)
    return table_lines(["system", "seeds", *(name for _, _, name in SUMMARY)], body)


def setting_lines(
    table: TableConfig,
    title: str,
    rows: list[Row],
    reports: dict[str, dict[str, Any]],
    keys: list[str],
) -> list[str]:
    """The table of one setting; systems with several seeds get a line of means too."""
    if not rows:
        return []
    first = reports[rows[0].name]
    body = [
        [
            label(row, rows, table),
            *(cell(reports[row.name]["metrics"][key]) for key in keys),
            *(str(reports[row.name]["counts"][error]) for error in ERRORS),
        ]
        for row in rows
    ]
    for name, members in systems(rows).items():
        if len(members) > 1:
            ours = [reports[row.name] for row in members]
            body.append(
                [
                    f"**{name}, mean ± sd of {len(ours)} seeds**",
                    *(spread([report["metrics"][key] for report in ours]) for key in keys),
                    *(f"{mean(report['counts'][e] for report in ours):.1f}" for e in ERRORS),
                ]
            )
    heads = ["system", *(first["metrics"][key]["label"] for key in keys), *ERRORS]
    return [f"## {title}: {first['n_records']} requests", "", *table_lines(heads, body)]


def label(row: Row, rows: list[Row], table: TableConfig) -> str:
    """The system's name, with its seed where the table holds several."""
    seeds = f", seed {table.train_config(row).seed}" if len(systems(rows)[row.label]) > 1 else ""
    return f"{row.label}{seeds}"


def training_lines(
    table: TableConfig, rows: list[Row], found: dict[str, dict[str, Any]]
) -> list[str]:
    """What each row cost: seed, steps, the step that dev chose, minutes, where, commit."""
    heads = ["system", "seed", "steps", "best step (dev)", "minutes", "on", "commit"]
    body = []
    machines: dict[str, None] = {}
    for row in rows:
        run = found[row.name]["training"]
        body.append(
            [
                label(row, rows, table), str(run["seeds"][0]), str(run["steps"]),
                str(run["metrics"]["best_step"]), f"{run['train_wall_s'] / 60:.1f}",
                f"{run['device']}, {run['precision']}", run["git"]["sha"][:8],
            ]
        )  # fmt: skip
        machine = run["machine"]
        machines[f"Machine: {machine['processor']}, {machine['cores']} cores."] = None
    return ["## Training", "", *table_lines(heads, body, align="lrrrrll"), *machines, ""]


if __name__ == "__main__":
    sys.exit(main())
