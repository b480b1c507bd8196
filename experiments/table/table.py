"""A table: its rows and settings, and its JSON and Markdown with 95% intervals."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from d2t.io.atomic import atomic_write_json, atomic_write_text
from d2t.io.manifest import run_manifest
from d2t.train.config.load import merged, validate
from experiments.engine.config import Section
from experiments.engine.steps import read_json
from experiments.engine.table import cell, spread, table_lines

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.score.tasks import PlanMode
    from d2t.train.config.options import TrainConfig


SETTINGS: tuple[PlanMode, ...] = ("own", "display", "random")
"""The orders each system is asked for: (a), (b) and (c) of the tables."""


class Row(Section):
    """One system: a folder name, a label for people, and its differences from the shared config."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    label: str
    train: dict[str, Any] = Field(default_factory=dict)


class TableConfig(Section):
    """A whole table.

    Attributes:
        title: heading of the Markdown table.
        results: folder under ``experiments/results``.
        split: the split that is scored; MRs are grouped, references pooled.
        permutations: random plans per MR in setting (c).
        plan_seed: seed of those plans.
        limit: score this many MRs only (for tests of the runner).
        train: the training configuration that all rows share.
        rows: the systems.
    """

    title: str
    results: str
    split: Literal["train", "dev", "test"] = "test"
    permutations: int = Field(default=3, ge=1)
    plan_seed: int = 0
    limit: int | None = None
    train: dict[str, Any]
    rows: tuple[Row, ...]

    def train_config(self, row: Row) -> TrainConfig:
        """The full training configuration of one row."""
        return validate(merged(self.train, row.train), f"row {row.name}")

    def check(self, path: Path) -> None:
        """The training configuration of every row."""
        for row in self.rows:
            self.train_config(row)


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
ERRORS = ("missing", "added", "wrong", "repeated")


def collect(table: TableConfig, runs: Path) -> dict[str, dict[str, Any]]:
    """The scores of the rows that are complete, by row name."""
    found: dict[str, dict[str, Any]] = {}
    for row in table.rows:
        paths = {setting: runs / row.name / f"scores-{setting}.json" for setting in SETTINGS}
        if all(path.is_file() for path in paths.values()):
            found[row.name] = {setting: read_json(path) for setting, path in paths.items()}
    return found


def write_results(table: TableConfig, runs: Path, out: Path, *, started: float) -> list[str]:
    """Write ``results.json`` and ``table.md`` into ``out``; returns the names of missing rows."""
    scores = collect(table, runs)
    rows = [row for row in table.rows if row.name in scores]
    training = {row.name: read_json(runs / row.name / "training" / "run.json") for row in rows}
    manifest = run_manifest(
        command=["python", "-m", "experiments.table", f"experiments/{table.results}.toml"],
        config=table.model_dump(mode="json"),
        data={key: value for run in training.values() for key, value in run["data_sha256"].items()},
        seeds={"plans": table.plan_seed},
        started=started,
    )
    atomic_write_json(
        out / "results.json",
        {
            "manifest": manifest,
            "rows": {
                row.name: {"label": row.label, "training": training[row.name], **scores[row.name]}
                for row in rows
            },
        },
    )
    atomic_write_text(out / "table.md", markdown(table, rows, scores, training))
    return [row.name for row in table.rows if row.name not in scores]


def markdown(
    table: TableConfig,
    rows: list[Row],
    scores: dict[str, dict[str, Any]],
    training: dict[str, dict[str, Any]],
) -> str:
    """One Markdown table per setting with 95% intervals, how the rows were trained, signatures."""
    lines = [f"# {table.title}", "", *summary_lines(rows, scores)]
    signatures: dict[str, str] = {}
    for setting in SETTINGS:
        reports = {row.name: scores[row.name][setting]["report"] for row in rows}
        keys = [
            key
            for key in COLUMNS[setting]
            if rows and all(key in report["metrics"] for report in reports.values())
        ]
        for key in keys:
            metric = reports[rows[0].name]["metrics"][key]
            signatures[metric["label"]] = metric["signature"]
        lines += setting_lines(table, TITLES[setting], rows, reports, keys)
    lines += training_lines(table, rows, training)
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


def summary_lines(rows: list[Row], scores: dict[str, dict[str, Any]]) -> list[str]:
    """One line per system: the score, or mean and standard deviation over its seeds."""
    body = []
    for name, members in systems(rows).items():
        cells = [name, str(len(members))]
        for setting, key, _ in SUMMARY:
            reports = [scores[row.name][setting]["report"] for row in members]
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


def systems(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows by label: those of one label are seeds of one system."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.label, []).append(row)
    return groups


def label(row: Row, rows: list[Row], table: TableConfig) -> str:
    """The system's name, with its seed where the table holds several."""
    seeds = f", seed {table.train_config(row).seed}" if len(systems(rows)[row.label]) > 1 else ""
    return f"{row.label}{seeds}"


def training_lines(
    table: TableConfig, rows: list[Row], training: dict[str, dict[str, Any]]
) -> list[str]:
    """What each row cost: seed, steps, the step that dev chose, minutes, where, commit."""
    heads = ["system", "seed", "steps", "best step (dev)", "minutes", "on", "commit"]
    body = []
    machines: dict[str, None] = {}
    for row in rows:
        run = training[row.name]
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
