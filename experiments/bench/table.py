"""The results as Markdown: a small table for each part, after the goals met or missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.bench.generation import VERIFIED
from experiments.bench.hf import BART_BEAM, GREEDY_1, GREEDY_64

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def as_markdown(results: dict[str, Any]) -> str:
    """All parts that were run, the goals first."""
    parts = results["parts"]
    goal_rows = [
        (
            g["goal"], f"{g['wanted']:g} x", f"{g['ratio']:.2f} x",
            "met" if g["met"] else f"missed: {g['holds_back']}",
        )
        for g in results["goals"]
    ]  # fmt: skip
    floors = [
        (r["name"], r["value"], r["unit"], r["floor"], "ok" if r["ratio"] >= 1 else "MISSED")
        for r in results["results"]
    ]
    sections = {
        "Goals": [_table("goal | wanted | measured | ", goal_rows)] if goal_rows else [],
        "Floors": [_table(" | value | unit | bound | ", floors)] if floors else [],
    }
    for name, title, write in (
        ("generation", "Throughput", _generation),
        ("latency", "Single requests", _latency),
        ("processes", "Whole processes", _processes),
        ("limits", "The machine's limit", _limits),
        ("growth", "Growth", _growth),
        ("training", "Training", _training),
    ):
        sections[title] = write(parts[name]) if name in parts else []
    blocks = [f"# Benchmarks\n\n{results['machine']}; {results['threads']} threads each."]
    blocks += ["\n\n".join([f"## {title}", *texts]) for title, texts in sections.items() if texts]
    return "\n\n".join(blocks) + "\n"


def _table(head: str, rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {head} |", "|" + " --- |" * (head.count(" | ") + 1)]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(lines)


def _columns(rows: Iterable[dict[str, Any]], *keys: str) -> list[list[Any]]:
    return [[row[key] for key in keys] for row in rows]


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _generation(part: dict[str, Any]) -> list[str]:
    keys = ("system", "batch", "records", "sentences_per_s", "tokens_per_s")
    rows = [
        [*figures, f"{_cell(r['lowest'])} to {_cell(r['highest'])}"]
        for r, figures in zip(part["systems"], _columns(part["systems"], *keys), strict=True)
    ]
    return [
        f"{part['data']}; {part['mean_tokens']:.1f} tokens an answer on average.",
        _table("system | batch | records a turn | sentences/s | tokens/s | range", rows),
        *(f"Not measured, {name}: {why}" for name, why in part["unavailable"].items()),
    ]


def _latency(part: dict[str, Any]) -> list[str]:
    rows = _columns(part["systems"], "system", "requests", "p50_ms", "p95_ms")
    return [_table("system | requests | p50 ms | p95 ms", rows)]


def _processes(part: dict[str, Any]) -> list[str]:
    cold = _columns(part["cold_start"], "process", "wall_s", "peak_mb")
    peak = _columns(part["peak_memory"], "process", "records", "peak_mb")
    return [
        "One record, from start to exit:", _table("process | seconds | peak MB", cold),
        "Many records:", _table("process | records | peak MB", peak),
    ]  # fmt: skip


def _limits(part: dict[str, Any]) -> list[str]:
    how = part["measured_by"]
    rates = [(name, f"{rate:.3g}", how.get(name, "")) for name, rate in part["rates"].items()]
    limits = [
        (
            engine, f"{r['matrix_ops'] + r['attention_ops']:.3g}",
            f"{r['weight_bytes'] + r['cache_bytes']:.3g}", r["sentences_per_s"],
        )
        for engine, r in part["limits"].items()
    ]  # fmt: skip
    shares = [
        (name, r["sentences_per_s"], f"{100 * r['achieved_over_limit']:.1f}%")
        for name, r in part["achieved"].items()
    ]
    doubt = (
        "More than the limit was reached: the machine was busy while its rates were measured, so "
        "they are too low, and none of the shares below can be believed."
    )
    return [
        *([] if part["believable"] else [doubt]),
        _table("rate | a second | by", rates),
        _table("engine | operations a sentence | bytes a sentence | limit, /s", limits),
        _table("system | sentences/s | achieved/limit", shares),
        "Where the time of verified int8 generation goes, one window at a time:",
        # Seconds of a thousand sentences are milliseconds of one.
        _table("work | ms a sentence", part["seconds_per_1000"].items()),
    ]


def _growth(part: dict[str, Any]) -> list[str]:
    rows = [
        (
            f"{r['records']:,}{' (estimated)' if r['estimated'] else ''}", r["processes"],
            r["wall_s"], r["sentences_per_s"], r["peak_mb"],
        )
        for r in part["sizes"]
    ]  # fmt: skip
    speed = part["throughput_largest_over_smallest"]
    memory = part["memory_largest_over_smallest"]
    return [
        _table("records | processes | seconds | sentences/s | peak MB", rows),
        f"Largest run of one process over smallest: throughput {speed:.2f}, memory {memory:.2f}.",
    ]


def _training(part: dict[str, Any]) -> list[str]:
    rows = [
        ("d2t", part["pairs_per_s"], f"{part['dev_loss']:.4f}"),
        ("d2t, averaged weights", "", f"{part['averaged_dev_loss']:.4f}"),
        ("Seq2SeqTrainer", part["plain_pairs_per_s"], f"{part['plain_dev_loss']:.4f}"),
    ]
    about = (
        f"{part['data']}; batches of {part['batch_size']}. Pairs/s: medians of "
        f"{len(part['rounds'])} runs of {part['steps']} steps in turn; development loss (nats a "
        f"token): after {part['loss_steps']} steps."
    )
    return [about, _table("trainer | pairs/s | development loss", rows)]


_EQUAL_LOSS = 0.02
"""Nats per token by which our development loss may be the higher one."""


def goals(parts: dict[str, Any]) -> list[dict[str, Any]]:
    """Every goal whose part was run."""
    reached = []
    for part, what, figure, other, wanted in (
        ("generation", "sentences/s", "sentences_per_s", GREEDY_64, 10.0),
        ("generation", "sentences/s", "sentences_per_s", BART_BEAM, 100.0),
        ("latency", "p50 of single requests, inverse", "p50_ms", GREEDY_1, 5.0),
    ):
        figures = {r["system"]: r[figure] for r in parts.get(part, {"systems": []})["systems"]}
        if VERIFIED in figures and other in figures:
            ratio = figures[VERIFIED] / figures[other]
            if figure == "p50_ms":
                ratio = 1 / figures[VERIFIED] / (1 / figures[other])
            goal = {"goal": f"{what}: {VERIFIED} against {other}", "wanted": wanted}
            reached.append(goal | {"ratio": ratio, "met": ratio >= wanted})
    if training := parts.get("training"):
        ours = min(training["dev_loss"], training["averaged_dev_loss"])
        equal = ours <= training["plain_dev_loss"] + _EQUAL_LOSS
        reached.append({
            "goal": "training pairs/s against Seq2SeqTrainer, at equal development loss",
            "wanted": 1.5,
            "ratio": training["ratio"],
            "equal_loss": equal,
            "met": training["ratio"] >= 1.5 and equal,
        })  # fmt: skip
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
