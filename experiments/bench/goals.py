"""The goals of the issue: met or missed, with the ratio; a missed one fails no build."""

from __future__ import annotations

from typing import Any

from experiments.bench.hf_generate import GREEDY_1, GREEDY_64
from experiments.bench.ours import VERIFIED
from experiments.bench.rivals import BART_BEAM

_EQUAL_LOSS = 0.02
"""Nats per token by which our development loss may be the higher one."""


def goals(parts: dict[str, Any]) -> list[dict[str, Any]]:
    """Every goal whose part was run."""
    found = []
    if "generation" in parts:
        speeds = {row["system"]: row["sentences_per_s"] for row in parts["generation"]["systems"]}
        for name, wanted in ((GREEDY_64, 10.0), (BART_BEAM, 100.0)):
            found.append(_goal("sentences/s", VERIFIED, name, speeds, wanted))
    if "latency" in parts:
        waits = {row["system"]: 1 / row["p50_ms"] for row in parts["latency"]["systems"]}
        found.append(_goal("p50 of single requests, inverse", VERIFIED, GREEDY_1, waits, 5.0))
    if "training" in parts:
        found.append(_training_goal(parts["training"]))
    reached = [goal for goal in found if goal is not None]
    return [goal | {"holds_back": "" if goal["met"] else _why(goal, parts)} for goal in reached]


def _why(goal: dict[str, Any], parts: dict[str, Any]) -> str:
    """Where most of our time goes, for a goal that is missed."""
    if "equal_loss" in goal:
        training = parts["training"]
        share = training["encode_ms_per_pair"] * training["pairs_per_s"] / 10
        rest = "" if goal["equal_loss"] else "; our development loss is the higher one"
        return f"rendering pairs anew takes {share:.0f}% of our time, steps the rest{rest}"
    if "limits" not in parts:
        return "not looked into: run the limits part, too"
    times = parts["limits"]["seconds_per_1000"]
    slowest = max(times, key=lambda name: times[name])
    share = 100 * times[slowest] / sum(times.values())
    return f"{slowest} takes {share:.0f}% of a sentence's time in bulk"


def _goal(
    what: str, ours: str, other: str, figures: dict[str, float], wanted: float
) -> dict[str, Any] | None:
    if ours not in figures or other not in figures:
        return None
    ratio = figures[ours] / figures[other]
    name = f"{what}: {ours} against {other}"
    return {"goal": name, "wanted": wanted, "ratio": ratio, "met": ratio >= wanted}


def _training_goal(training: dict[str, Any]) -> dict[str, Any]:
    ours = min(training["dev_loss"], training["averaged_dev_loss"])
    equal = ours <= training["plain_dev_loss"] + _EQUAL_LOSS
    return {
        "goal": "training pairs/s against Seq2SeqTrainer, at equal development loss",
        "wanted": 1.5,
        "ratio": training["ratio"],
        "equal_loss": equal,
        "met": training["ratio"] >= 1.5 and equal,
    }
