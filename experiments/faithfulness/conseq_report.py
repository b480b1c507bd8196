"""The numbers of the CONSEQ arms over seeds, their tests, and the table of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.evaluate.render import markdown_table
from experiments.faithfulness.conseq_scores import METRICS, compared, score
from experiments.runner.numbers import spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.faithfulness.conseq_config import ConseqExperiment
    from experiments.faithfulness.conseq_scores import Rows

TESTED = ("missing", "ser", "exact", "bleu", "qa_f1", "qa_missing", "parser_missing")


def results_of(
    experiment: ConseqExperiment,
    rows: Mapping[str, Sequence[Rows]],
    variety: Mapping[str, Sequence[Mapping[str, float]]],
) -> dict[str, Any]:
    """By arm: each seed's scores, and the differences to the arms it is tested against.

    Args:
        experiment: names the arms.
        rows: by arm, for each seed the statistics of each record.
        variety: by arm, for each seed what is of all texts together.
    """
    found: dict[str, Any] = {}
    for arm in experiment.arms:
        if arm.name not in rows:
            continue
        own = rows[arm.name]
        found[arm.name] = {
            "label": arm.label,
            "scores": {
                metric: [round(score(metric, seed[metric]), 4) for seed in own]
                for metric in METRICS
                if metric in own[0]
            }
            | {
                metric: [round(seed[metric], 4) for seed in variety[arm.name]]
                for metric in METRICS
                if metric in variety[arm.name][0]
            },
            "against": {
                other: {
                    metric: compared(
                        metric, [seed[metric] for seed in rows[other]], [s[metric] for s in own]
                    )
                    for metric in TESTED
                    if metric in own[0]
                }
                for other in experiment.against
                if other in rows and other != arm.name
            },
        }
    return found


def table(manifest: dict[str, Any]) -> str:
    """Markdown from the written results: scores (mean ± sd over seeds), then the tests."""
    arms, config = manifest["metrics"]["arms"], manifest["config"]
    metrics = [m for m in METRICS if any(m in arm["scores"] for arm in arms.values())]
    header = ["arm", "updates", "S+", "S-", *(METRICS[m] for m in metrics)]
    rows = [
        [arm["label"], *_training(name, manifest), *(_cell(arm, m) for m in metrics)]
        for name, arm in arms.items()
    ]
    parts = [
        f"# {config['title']}",
        f"{manifest['metrics']['n_mrs']} MRs of {config['corpus']} {config['split']}, seeds "
        f"{', '.join(map(str, config['seeds']))}; commit {str(manifest['git']['sha'])[:8]}.",
        markdown_table(header, rows),
    ]
    for other in config["against"]:
        tested = [
            [arm["label"], *(_difference(arm["against"][other].get(m)) for m in TESTED)]
            for arm in arms.values()
            if other in arm["against"]
        ]
        if tested:
            parts += [
                f"## Against {arms[other]['label']}: difference [95% interval], p (paired "
                "bootstrap over MRs, seeds added up)",
                markdown_table(["arm", *(METRICS[m] for m in TESTED)], tested),
            ]
    return "\n\n".join(parts) + "\n"


def _cell(arm: dict[str, Any], metric: str) -> str:
    return spread([{"score": value} for value in arm["scores"].get(metric, [])])


def _training(name: str, manifest: dict[str, Any]) -> list[str]:
    """Updates of the arm and the sizes of its sets, in the first seed."""
    seed = manifest["config"]["seeds"][0]
    facts = manifest["metrics"]["training"].get(f"seed-{seed}/{name}")
    if facts is None:
        return ["-", "-", "-"]
    counts = facts["counts"]
    sizes = [str(counts.get(f"conseq_{side}", "-")) for side in ("positives", "negatives")]
    return [str(facts["steps"]), *sizes]


def _difference(found: dict[str, float] | None) -> str:
    if found is None:
        return "-"
    return (
        f"{found['difference']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}], "
        f"p = {found['p']:.3f}"
    )
