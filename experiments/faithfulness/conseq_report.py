"""The numbers of the CONSEQ arms over seeds, their tests, and the table of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.score.report.tables import markdown_table
from experiments.faithfulness.conseq_scores import METRICS, score, tested
from experiments.runner.numbers import difference_cell, spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.faithfulness.conseq_config import ConseqExperiment
    from experiments.runner.kept import Kept

TESTED = ("missing", "ser", "exact", "bleu", "qa_f1", "qa_missing", "parser_missing")


def results_of(
    experiment: ConseqExperiment, judged: Mapping[str, Mapping[int, Kept]]
) -> dict[str, Any]:
    """By arm: each seed's scores, and the differences to the arms it is tested against.

    Args:
        experiment: names the arms.
        judged: by arm and seed; arms and seeds that are not there yet are left out.
    """
    found: dict[str, Any] = {}
    for arm in experiment.arms:
        own = judged.get(arm.name, {})
        if not own:
            continue
        varieties = [kept.facts["variety"] for kept in own.values()]
        rows = [kept.rows for kept in own.values()]
        found[arm.name] = {
            "label": arm.label,
            "seeds": list(own),
            "scores": {
                metric: [round(score(metric, seed[metric]), 4) for seed in rows]
                for metric in METRICS
                if metric in rows[0]
            }
            | {
                metric: [round(seed[metric], 4) for seed in varieties]
                for metric in METRICS
                if metric in varieties[0]
            },
            "training": {seed: kept.facts["training"] for seed, kept in own.items()},
            "samples": next(iter(own.values())).facts["samples"],
            "against": {
                other: tests
                for other in experiment.against
                if other != arm.name and (tests := tested(judged.get(other, {}), own, TESTED))
            },
        }
    return found


def table(manifest: dict[str, Any]) -> str:
    """Markdown from the written results: scores (mean ± sd over seeds), then the tests."""
    arms, config = manifest["metrics"]["arms"], manifest["config"]
    metrics = [m for m in METRICS if any(m in arm["scores"] for arm in arms.values())]
    training = ["updates", "S+", "S-", "passes"]
    header = ["arm", "seeds", *training, *(METRICS[m] for m in metrics)]
    rows = [
        [
            arm["label"],
            str(len(arm["seeds"])),
            *_training(arm),
            *(_cell(arm, m) for m in metrics),
        ]
        for arm in arms.values()
    ]
    parts = [
        f"# {config['title']}",
        f"{manifest['metrics']['n_mrs']} MRs of {config['corpus']} {config['split']}, seeds "
        f"{', '.join(map(str, config['seeds']))}; commit {str(manifest['git']['sha'])[:8]}. "
        "Intervals and p are of a paired bootstrap over MRs, seeds added up: for the models that "
        "were trained here, not for trainings yet to come; each cell by itself.",
        markdown_table(header, rows),
    ]
    for other in config["against"]:
        lines = [
            [
                arm["label"],
                str(arm["against"][other]["seeds"]),
                *(_difference(arm["against"][other].get(m)) for m in TESTED),
            ]
            for arm in arms.values()
            if other in arm["against"]
        ]
        if lines:
            parts += [
                f"## Against {arms[other]['label']}: difference [95% interval], p (each seed)",
                markdown_table(["arm", "seeds", *(METRICS[m] for m in TESTED)], lines),
            ]
    return "\n\n".join(parts) + "\n"


def _cell(arm: dict[str, Any], metric: str) -> str:
    return spread([{"score": value} for value in arm["scores"].get(metric, [])])


def _training(arm: dict[str, Any]) -> list[str]:
    """Updates of the arm, the sizes of its sets and the passes over them, in its first seed."""
    facts = next(iter(arm["training"].values()))
    if facts is None:
        return ["-"] * 4
    counts = facts["counts"]
    sizes = [counts.get(f"conseq_{side}") for side in ("positives", "negatives")]
    taught = sum(size or 0 for size in sizes) or counts.get("train_used", 0)
    passes = f"{facts.get('pairs_seen', 0) / taught:.1f}" if taught else "-"
    return [str(facts["steps"]), *("-" if n is None else str(n) for n in sizes), passes]


def _difference(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    alone = found.get("by_seed", [])
    return f"{difference_cell(found)}, p = {found['p']:.3f}" + (
        f" ({', '.join(f'{one:+.2f}' for one in alone)})" if len(alone) > 1 else ""
    )
