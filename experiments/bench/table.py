"""The results as Markdown: a small table for each part, after the goals met or missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from experiments.bench.generation import VERIFIED
from experiments.bench.hf import BART_BEAM, GREEDY_1, GREEDY_64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Writer = Callable[[dict[str, Any]], str]


def as_markdown(results: dict[str, Any]) -> str:
    """All parts that were run, the goals first."""
    parts = results["parts"]
    writers: list[tuple[str, str, Writer]] = [
        ("generation", "Throughput", _generation),
        ("latency", "Single requests", _latency),
        ("processes", "Whole processes", _processes),
        ("limits", "The machine's limit", _limits),
        ("growth", "Growth", _growth),
        ("training", "Training", _training),
    ]
    blocks = [f"# Benchmarks\n\n{results['machine']}; {results['threads']} threads each."]
    if results["goals"]:
        blocks.append("## Goals\n\n" + _goals(results["goals"]))
    if results["results"]:
        blocks.append("## Floors\n\n" + _floors(results["results"]))
    blocks += [f"## {title}\n\n{write(parts[n])}" for n, title, write in writers if n in parts]
    return "\n\n".join(blocks) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _goals(goals: list[dict[str, Any]]) -> str:
    rows = [
        (
            g["goal"], f"{g['wanted']:g} x", f"{g['ratio']:.2f} x",
            "met" if g["met"] else f"missed: {g['holds_back']}",
        )
        for g in goals
    ]  # fmt: skip
    return _table(["goal", "wanted", "measured", ""], rows)


def _floors(results: list[dict[str, Any]]) -> str:
    rows = [
        (r["name"], r["value"], r["unit"], r["floor"], "ok" if r["ratio"] >= 1 else "MISSED")
        for r in results
    ]
    return _table(["", "value", "unit", "bound", ""], rows)


def _generation(part: dict[str, Any]) -> str:
    rows = [
        (
            r["system"], r["batch"], r["records"], r["sentences_per_s"], r["tokens_per_s"],
            f"{_cell(r['lowest'])} to {_cell(r['highest'])}",
        )
        for r in part["systems"]
    ]  # fmt: skip
    head = ["system", "batch", "records a turn", "sentences/s", "tokens/s", "range"]
    missing = [f"Not measured, {name}: {why}" for name, why in part["unavailable"].items()]
    about = f"{part['data']}; {part['mean_tokens']:.1f} tokens an answer on average."
    return "\n\n".join([about, _table(head, rows), *missing])


def _latency(part: dict[str, Any]) -> str:
    rows = [(r["system"], r["requests"], r["p50_ms"], r["p95_ms"]) for r in part["systems"]]
    return _table(["system", "requests", "p50 ms", "p95 ms"], rows)


def _processes(part: dict[str, Any]) -> str:
    cold = [(r["process"], r["wall_s"], r["peak_mb"]) for r in part["cold_start"]]
    peak = [(r["process"], r["records"], r["peak_mb"]) for r in part["peak_memory"]]
    return "\n\n".join([
        "One record, from start to exit:", _table(["process", "seconds", "peak MB"], cold),
        "Many records:", _table(["process", "records", "peak MB"], peak),
    ])  # fmt: skip


def _limits(part: dict[str, Any]) -> str:
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
    times = [  # s a thousand are ms each
        (name, s) for name, s in part["seconds_per_1000"].items()
    ]
    doubt = (
        "More than the limit was reached: the machine was busy while its rates were measured, so "
        "they are too low, and none of the shares below can be believed."
    )
    return "\n\n".join([
        *([] if part["believable"] else [doubt]),
        _table(["rate", "a second", "by"], rates),
        _table(["engine", "operations a sentence", "bytes a sentence", "limit, /s"], limits),
        _table(["system", "sentences/s", "achieved/limit"], shares),
        "Where the time of verified int8 generation goes, one window at a time:",
        _table(["work", "ms a sentence"], times),
    ])  # fmt: skip


def _growth(part: dict[str, Any]) -> str:
    rows = [
        (
            f"{r['records']:,}{' (estimated)' if r['estimated'] else ''}", r["processes"],
            r["wall_s"], r["sentences_per_s"], r["peak_mb"],
        )
        for r in part["sizes"]
    ]  # fmt: skip
    speed, memory = (
        f"{part[f'{what}_largest_over_smallest']:.2f}" for what in ("throughput", "memory")
    )
    return (
        _table(["records", "processes", "seconds", "sentences/s", "peak MB"], rows)
        + f"\n\nLargest run of one process over smallest: throughput {speed}, memory {memory}."
    )


def _training(part: dict[str, Any]) -> str:
    rows = [
        ("d2t", part["pairs_per_s"], f"{part['dev_loss']:.4f}"),
        ("d2t, averaged weights", "", f"{part['averaged_dev_loss']:.4f}"),
        ("Seq2SeqTrainer", part["plain_pairs_per_s"], f"{part['plain_dev_loss']:.4f}"),
    ]
    runs = f"medians of {len(part['rounds'])} runs of {part['steps']} steps in turn"
    about = (
        f"{part['data']}; batches of {part['batch_size']}. Pairs/s: {runs}; development loss (nats "
        f"a token): after {part['loss_steps']} steps."
    )
    return about + "\n\n" + _table(["trainer", "pairs/s", "development loss"], rows)


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
