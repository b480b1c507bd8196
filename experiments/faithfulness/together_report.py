"""The numbers of the rows, what each part is worth, and the Markdown that says both."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any

from d2t.score.report.tables import markdown_table
from experiments.faithfulness.conseq_scores import METRICS, compared, score
from experiments.runner.numbers import difference_cell, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.faithfulness.together_config import TogetherExperiment
    from experiments.runner.kept import Rows

    Judged = dict[str, Rows]
    """Statistics by setting and metric."""

TESTED = (
    "ser", "missing", "wrong", "exact", "order", "parser_missing", "parser_wrong", "qa_f1",
    "qa_exact", "bleu",
)  # fmt: skip
SETTINGS = {"own": "own orders", "random": "random plans"}
_BEST = ("ser", "parser_missing", "parser_wrong", "qa_f1", "qa_exact", "order", "bleu")
_HIGHER_IS_BETTER = ("exact", "order", "qa_f1", "qa_exact", "bleu")
_NOTE = (
    "The checker gives missing to order; reranking, verified generation and CONSEQ by SER look at "
    "it, so that what only the checker sees of them is no gain: the parser and the QA judge, which "
    "nothing here looks at, count. (The QA model that chooses is another one.) Own orders of two "
    "models may differ, random plans do not. CPU s are the processor's, for 1,000 texts."
)


def results_of(
    experiment: TogetherExperiment, judged: Mapping[str, Sequence[Judged]]
) -> dict[str, Any]:
    """By row: scores of each seed, and the differences to each row that lacks one of its parts."""
    found: dict[str, Any] = {}
    for row in experiment.rows:
        if row.name not in judged:
            continue
        own = judged[row.name]
        found[row.name] = {
            "label": experiment.label(row),
            "scores": {
                setting: {
                    metric: [round(score(metric, seed[setting][metric]), 4) for seed in own]
                    for metric in METRICS
                    if metric in own[0][setting]
                }
                for setting in own[0]
            },
            "seconds": {
                setting: [
                    round(1000 * s / n, 2) for seed in own for s, n in seed[setting]["seconds"]
                ]
                for setting in own[0]
            },
            "without": [
                {
                    "part": part,
                    "title": experiment.title_of(part),
                    "row": other.name,
                    "label": experiment.label(other),
                    **_differences(judged[other.name], own),
                }
                for part, other in experiment.without(row)
                if other.name in judged
            ],
        }
    return found


def _differences(plain: Sequence[Judged], other: Sequence[Judged]) -> dict[str, Any]:
    """``other`` - ``plain`` by setting and metric, over the seeds that both have."""
    n = min(len(plain), len(other))
    return {
        "seeds": n,
        "difference": {
            setting: {
                metric: compared(
                    metric,
                    [seed[setting][metric] for seed in plain[:n]],
                    [seed[setting][metric] for seed in other[:n]],
                )
                for metric in TESTED
                if metric in plain[0][setting]
            }
            for setting in plain[0]
        },
    }


def table(experiment: TogetherExperiment, manifest: dict[str, Any]) -> str:
    """Markdown: scores by setting, a sentence for each part, the differences behind them."""
    metrics = manifest["metrics"]
    rows = metrics["rows"]
    seeds = ", ".join(map(str, experiment.seeds))
    chosen = metrics["contrast"]
    parts = [
        f"# {experiment.title}",
        f"{metrics['n_mrs']} MRs of {experiment.corpus} {experiment.split}, seeds {seeds} where a "
        f"model has both; commit {str(manifest['git']['sha'])[:8]}."
        + (f" The contrast that dev chose: `{chosen}`." if chosen else ""),
        _NOTE,
    ]
    for setting, title in SETTINGS.items():
        parts += [f"## Scores, {title}", _scores(rows, setting), best(rows, setting)]
    sentences = [worth(item) for row in rows.values() for item in row["without"]]
    if sentences:
        parts += [
            "## What each part is worth",
            "Differences to the row without the part, with their 95% intervals (paired bootstrap "
            "over MRs, seeds added up; one by one, so that of 20 true zeros one seems none). "
            "Nothing: the interval holds 0.",
            "\n".join(f"- {sentence}" for sentence in sentences),
        ]
        for setting, title in SETTINGS.items():
            parts += [f"## Differences, {title}", _tests(rows, setting)]
    if metrics["failed"]:
        parts += ["## Not made", "\n".join(f"- {line}" for line in metrics["failed"])]
    return "\n\n".join(parts) + "\n"


def best(rows: dict[str, Any], setting: str) -> str:
    """Which row is the best by each judge: no choice, for which development MRs would be needed."""
    said = []
    for metric in _BEST:
        means = {
            row["label"]: mean(row["scores"][setting][metric])
            for row in rows.values()
            if metric in row["scores"][setting]
        }
        if means:
            top = (max if metric in _HIGHER_IS_BETTER else min)(means.values())
            labels = " = ".join(label for label, value in means.items() if value == top)
            said.append(f"{METRICS[metric].removesuffix(' %')} {top:.2f}: {labels}")
    return f"Best by each measure: {'; '.join(said)}."


def worth(item: dict[str, Any]) -> str:
    """One part, in a sentence for each setting; "nothing" where that is the truth."""
    n = item["seeds"]
    said = [
        f"{title}: {_verdict(item['difference'][setting])}"
        for setting, title in SETTINGS.items()
        if setting in item["difference"]
    ]
    where = f"over {item['label']}, {n} seed{'s' if n > 1 else ''}"
    return f"**{item['title']}** ({where}): {'; '.join(said)}."


def _verdict(found: dict[str, dict[str, float]]) -> str:
    """``better SER -0.20 [-0.31, -0.09]; worse BLEU ...; nothing on order, ...``."""
    sides: dict[str, list[str]] = {"better": [], "worse": [], "nothing on": []}
    for metric, result in found.items():
        name = METRICS[metric].removesuffix(" %")
        if result["low"] <= 0 <= result["high"]:
            sides["nothing on"].append(name)
            continue
        gains = (result["difference"] > 0) == (metric in _HIGHER_IS_BETTER)
        sides["better" if gains else "worse"].append(f"{name} {difference_cell(result)}")
    if not sides["better"] and not sides["worse"]:
        return "nothing"
    return ", ".join(f"{side} {', '.join(names)}" for side, names in sides.items() if names)


def _scores(rows: dict[str, Any], setting: str) -> str:
    metrics = [m for m in METRICS if any(m in row["scores"][setting] for row in rows.values())]
    header = ["row", "seeds", *(METRICS[m] for m in metrics), "CPU s"]
    lines = [
        [
            row["label"],
            str(len(row["seconds"][setting])),
            *(_spread(row["scores"][setting].get(m, [])) for m in metrics),
            _spread(row["seconds"][setting], digits=1),
        ]
        for row in rows.values()
    ]
    return markdown_table(header, lines)


def _spread(values: Sequence[float], digits: int = 2) -> str:
    return spread([{"score": value} for value in values], digits)


def _tests(rows: dict[str, Any], setting: str) -> str:
    lines = [
        [
            item["title"],
            item["label"],
            *(difference_cell(item["difference"][setting].get(m)) for m in TESTED),
        ]
        for row in rows.values()
        for item in row["without"]
    ]
    return markdown_table(["part", "over", *(METRICS[m] for m in TESTED)], lines)
