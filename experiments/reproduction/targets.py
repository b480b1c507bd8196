"""How far: what each augmented system reaches of the bounds that the best is to meet."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.reproduction.config import Target
    from experiments.reproduction.workspace import Workspace


def seed_scores(
    workspace: Workspace, label: str, setting: str, decoder: str, metric: str
) -> dict[int, float]:
    """A score of each seed of a system that has it."""
    found = {}
    for row in workspace.table.labelled(label):
        entry = workspace.entry(row, workspace.table.corpora(row)[0], setting, decoder)
        if entry is not None and metric in entry["metrics"]:
            seed = workspace.table.train_config(row).seed
            found[seed] = float(entry["metrics"][metric]["score"])
    return found


def target_values(workspace: Workspace, target: Target, label: str) -> tuple[str, float] | None:
    """The setting that does best, and its value; None where nothing is scored."""
    found = {}
    for setting in target.settings:
        values = seed_scores(workspace, label, setting, target.decoder, target.metric)
        others = values
        if target.against == "base":
            base = workspace.table.targets.base
            others = seed_scores(workspace, base, setting, target.decoder, target.metric)
        if target.against == "own":
            others = seed_scores(workspace, label, "own", target.decoder, target.metric)
        seeds = sorted(set(values) & set(others))  # of both: seeds differ more than systems
        if not seeds:
            continue
        value, other = (mean(side[seed] for seed in seeds) for side in (values, others))
        if target.against == "base":
            value -= other
        if target.against == "own":
            value = 100 * (value - other) / abs(other)
        found[setting] = value
    if not found:
        return None
    best = (max if target.at_least is not None else min)(found, key=lambda name: found[name])
    return best, found[best]


def target_rows(workspace: Workspace) -> list[dict[str, Any]]:
    """Per target its bound and, for each augmented system, the value and whether it is met."""
    rows = []
    for target in workspace.table.targets.items:
        bound = f"≥ {target.at_least:g}" if target.at_least is not None else f"≤ {target.at_most:g}"
        reached = {}
        for label in workspace.table.targets.systems:
            if found := target_values(workspace, target, label):
                setting, value = found
                low, high = target.at_least, target.at_most
                met = (low is None or value >= low) and (high is None or value <= high)
                reached[label] = {"setting": setting, "value": round(value, 4), "met": met}
        rows.append(
            {"name": target.name, "decoder": target.decoder, "bound": bound, "reached": reached}
        )
    return rows


def target_lines(workspace: Workspace) -> list[str]:
    """The targets as Markdown, a column for each system; what is met is in bold."""
    rows = target_rows(workspace)
    if not rows:
        return []
    lines = ["## How far", ""]
    labels = [
        label
        for label in workspace.table.targets.systems
        if any(label in row["reached"] for row in rows)
    ]
    if not labels:
        return [*lines, "No augmented system is scored yet.", ""]
    lines += ["Means over the seeds of each system; **met**, not met, - not measured yet.", ""]
    lines += [
        f"| target | decoder | bound | {' | '.join(labels)} |",
        "|---|---|---:|" + "---:|" * len(labels),
    ]
    for row in rows:
        cells = [_cell(row["reached"].get(label)) for label in labels]
        lines.append(f"| {row['name']} | {row['decoder']} | {row['bound']} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    said = f"{found['value']:.2f} ({found['setting']})"
    return f"**{said}**" if found["met"] else said
