"""How far: the bounds of the best augmented model, met or not met."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.reproduction.config import Target
    from experiments.reproduction.workspace import Workspace


def label_score(
    workspace: Workspace, label: str, setting: str, decoder: str, metric: str
) -> float | None:
    """Mean of a score over the seeds of a system that have it."""
    found = []
    for row in workspace.table.labelled(label):
        entry = workspace.entry(row, workspace.table.corpora(row)[0], setting, decoder)
        if entry is not None and metric in entry["metrics"]:
            found.append(float(entry["metrics"][metric]["score"]))
    return mean(found) if found else None


def dev_score(workspace: Workspace, label: str) -> float | None:
    """Mean development score over the seeds of a system: what chooses between recipes."""
    scores = [
        float(facts["metrics"]["score"])
        for row in workspace.table.labelled(label)
        if "score" in (facts := workspace.scores(row).get("training", {})).get("metrics", {})
    ]
    return mean(scores) if scores else None


def best_system(workspace: Workspace) -> str | None:
    """The augmented system with the best development score."""
    scores = {label: dev_score(workspace, label) for label in workspace.table.targets.systems}
    known = {label: score for label, score in scores.items() if score is not None}
    return max(known, key=lambda label: known[label]) if known else None


def target_values(workspace: Workspace, target: Target, label: str) -> tuple[str, float] | None:
    """The setting that does best, and its value; None where nothing is scored."""
    found = {}
    for setting in target.settings:
        value = label_score(workspace, label, setting, target.decoder, target.metric)
        other = None
        if target.against == "base":
            base = workspace.table.targets.base
            other = label_score(workspace, base, setting, target.decoder, target.metric)
        if target.against == "own":
            other = label_score(workspace, label, "own", target.decoder, target.metric)
        if value is None or (target.against != "nothing" and not other):
            continue
        if target.against == "base" and other is not None:
            value -= other
        if target.against == "own" and other is not None:
            value = 100 * (value - other) / abs(other)
        found[setting] = value
    if not found:
        return None
    best = (max if target.at_least is not None else min)(found, key=lambda name: found[name])
    return best, found[best]


def target_rows(workspace: Workspace) -> tuple[str | None, list[dict[str, Any]]]:
    """The system that is measured, and per target its bound, its value, and whether it is met."""
    label = best_system(workspace)
    rows = []
    for target in workspace.table.targets.items:
        found = target_values(workspace, target, label) if label else None
        bound = f"≥ {target.at_least:g}" if target.at_least is not None else f"≤ {target.at_most:g}"
        met: bool | None = None
        if found is not None:
            low, high = target.at_least, target.at_most
            met = (low is None or found[1] >= low) and (high is None or found[1] <= high)
        rows.append(
            {
                "name": target.name,
                "decoder": target.decoder,
                "bound": bound,
                "setting": found[0] if found else None,
                "value": round(found[1], 4) if found else None,
                "met": met,
            }
        )
    return label, rows


def target_lines(workspace: Workspace) -> list[str]:
    """The targets as Markdown."""
    label, rows = target_rows(workspace)
    if not rows:
        return []
    lines = ["## How far", ""]
    if label is None:
        lines += ["No augmented system is scored yet.", ""]
    else:
        score = dev_score(workspace, label) or 0.0
        lines += [f"System: {label}, the best on development data (score {score:.2f}).", ""]
    lines += ["| target | decoder | bound | reached | |", "|---|---|---:|---:|---|"]
    said = {None: "not measured yet", True: "met", False: "**not met**"}
    for row in rows:
        value = "-" if row["value"] is None else f"{row['value']:.2f} ({row['setting']})"
        lines.append(
            f"| {row['name']} | {row['decoder']} | {row['bound']} | {value} | {said[row['met']]} |"
        )
    return [*lines, ""]
