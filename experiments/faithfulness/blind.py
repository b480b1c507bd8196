"""``python -m experiments.faithfulness.blind``: outputs of the CONSEQ arms, read by people blind.

``draw`` writes ``blind/items.jsonl`` (key, MR and text, in random order) and, apart from them,
``blind/key.json`` (whose text it is). Readers write ``blind/labels-NAME.jsonl`` without having seen
the key: ``{"key": 0, "missing": [], "wrong": ["area"], "added": [], "broken": false}``: names of
slots, and whether a fluent speaker would call the text ungrammatical or a fragment. ``report`` says
what they found by arm, how far they agree, and how often each judge agrees with them; who they are
stands in ``blind/readers.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from d2t.errors import D2TError, DataError, UsageError
from d2t.io.atomic import atomic_write, atomic_write_json, atomic_write_text
from d2t.io.records import write_record
from d2t.mr.domain import load_domain
from d2t.mr.render import render_mr
from d2t.score.records import read_evaluation_records
from d2t.score.report.report import markdown_table
from d2t.seeding import derived_rng
from experiments.engine.command import HERE, RESULTS, RUNS, Places
from experiments.engine.steps import kept, read_json
from experiments.faithfulness.conseq import ConseqExperiment, Workspace, arm_file, outputs_file

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

FOLDER = HERE / "blind"
ARMS = ("mle", "continued", "splus", "ser", "quals2")
KINDS = ("missing", "wrong", "added")
BROKEN = "broken"
JUDGES = {
    "slot checker": ("missing", "wrong", "added"),
    "QA consistency": ("qa_missing", "qa_wrong", "qa_added"),
    "learned parser": ("parser_missing", "parser_wrong"),
}
"""Rows of the kept statistics that count a judge's errors; no reader is asked for repetitions."""
Label = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, or report."""
    args = _arguments().parse_args(argv)
    try:
        experiment = ConseqExperiment.read(args.config)
        places = Places(RESULTS / experiment.results, args.runs or RUNS / experiment.results)
        if args.do == "draw":
            draw(experiment, places, args.folder, args.arms.split(","), args.n, args.seed)
        else:
            text = report(experiment, places, args.folder)
            atomic_write_text(args.folder / "table.md", text)
            print(text)
    except D2TError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _arguments() -> argparse.ArgumentParser:
    line = argparse.ArgumentParser(
        prog="python -m experiments.faithfulness.blind", description=__doc__
    )
    line.add_argument("do", choices=("draw", "report"))
    line.add_argument("--config", type=Path, default=HERE / "conseq.toml")
    line.add_argument("--runs", type=Path, help="default: runs/faithfulness/RESULTS")
    line.add_argument("--folder", type=Path, default=FOLDER)
    line.add_argument("--arms", default=",".join(ARMS), help="with commas between")
    line.add_argument("--n", type=int, default=40, help="texts of each arm")
    line.add_argument("--seed", type=int, default=1, help="of the draw")
    return line


def draw(
    experiment: ConseqExperiment,
    places: Places,
    folder: Path,
    arms: Sequence[str],
    n: int,
    seed: int,
) -> None:
    """Write items and key; MRs are drawn once for each arm, no MR twice.

    Raises:
        UsageError: there is no such arm, or labels are there already.
        DataError: an arm has not said its texts yet, or there are too few MRs.
    """
    if any(folder.glob("labels-*.jsonl")):
        raise UsageError(f"{folder} holds labels; a new draw would part them from their texts")
    domain = load_domain(experiment.base_config(experiment.seeds[0]).data.domain)
    of_seed = experiment.seeds[0]
    items, key = [], {}
    taken: set[int] = set()
    for name in arms:
        arm = experiment.arm(name)
        if arm is None:
            raise UsageError(f"no arm {name!r}")
        path = outputs_file(places.runs, arm.name, of_seed)
        records, _ = read_evaluation_records(str(path), domain)
        free = [at for at in range(len(records)) if at not in taken]
        if len(free) < n:
            raise DataError(f"{path}: {len(records)} texts are too few for {n} of each arm")
        for at in derived_rng(seed, "blind", name).sample(free, n):
            taken.add(at)
            items.append((name, at, records[at]))
    derived_rng(seed, "blind").shuffle(items)
    with atomic_write(folder / "items.jsonl") as stream:
        for number, (name, at, record) in enumerate(items):
            write_record(
                stream,
                {"key": number, "mr": render_mr(record.mr, domain=domain), "text": record.text},
            )
            key[str(number)] = {"arm": name, "seed": of_seed, "at": at}
    atomic_write_json(folder / "key.json", key)


def read_labels(folder: Path, keys: Collection[str]) -> dict[str, dict[str, Label]]:
    """By reader and key; whoever has not read everything is left out.

    Raises:
        DataError: nobody has, or a label has no list where one is expected.
    """
    found, contents = {}, set()
    for path in sorted(folder.glob("labels-*.jsonl")):
        labels = {}
        content = path.read_text(encoding="utf-8")
        if content in contents:
            raise DataError(f"{path} is, byte for byte, another reader's file: one reader, twice")
        contents.add(content)
        for number, line in enumerate(content.splitlines(), 1):
            try:
                label = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}, line {number}: no JSON: {error}") from error
            if not isinstance(label, dict) or str(label.get("key")) not in keys:
                raise DataError(f"{path}, line {number}: expected an object with a drawn 'key'")
            if not all(isinstance(label.get(kind), list) for kind in KINDS):
                raise DataError(f"{path}, line {number}: expected lists {', '.join(KINDS)}")
            if not isinstance(label.get(BROKEN), bool):
                raise DataError(f"{path}, line {number}: expected true or false as '{BROKEN}'")
            labels[str(label["key"])] = label
        if len(labels) == len(keys):
            found[path.stem.removeprefix("labels-")] = labels
    if not found:
        raise DataError(
            f"{folder}: no reader has labelled all {len(keys)} items (labels-NAME.jsonl)"
        )
    return found


def report(experiment: ConseqExperiment, places: Places, folder: Path) -> str:
    """Markdown: errors by arm and reader, agreement of readers, agreement of judges with them.

    Raises:
        DataError: nothing was drawn, or no reader has labelled everything.
    """
    if not (folder / "key.json").is_file():
        raise DataError(f"{folder}: nothing was drawn to be read; `draw` comes first")
    key = read_json(folder / "key.json")
    readers = read_labels(folder, key)
    by_arm: dict[str, list[str]] = defaultdict(list)
    for item, whose in key.items():
        by_arm[whose["arm"]].append(item)
    labels_of = {arm.name: arm.label for arm in experiment.arms}
    errors = [
        [labels_of[arm], str(len(items)), *_counts(items, readers)] for arm, items in by_arm.items()
    ]
    kinds = (*KINDS, BROKEN)
    header = ["arm", "texts", *(f"{kind} ({name})" for name in readers for kind in kinds), "exact"]
    parts = [
        "# CONSEQ, read blind",
        f"{len(key)} texts; slots with an error, by reader; broken: texts that are not English; "
        "exact: % of texts in which no reader found a slot with an error.",
        markdown_table(header, errors),
    ]
    who = folder / "readers.md"
    parts += [who.read_text(encoding="utf-8").strip()] if who.is_file() else []
    names = list(readers)
    for what, flag in (("has an error", _has_error), ("is broken", _is_broken)):
        if len(names) > 1:
            first, second = ([flag(readers[name][item]) for item in key] for name in names[:2])
            parts.append(
                f"Readers {names[0]} and {names[1]} agree on whether a text {what} in "
                f"{100 * mean(a == b for a, b in zip(first, second, strict=True)):.1f}% "
                f"(Cohen's kappa {kappa(first, second):.2f})."
            )
    judged = _judges(experiment, places, key)
    if judged:
        any_reader = [any(_has_error(of[item]) for of in readers.values()) for item in key]
        table = [[name, *_agreement(flags, any_reader)] for name, flags in judged.items()]
        parts += [
            "## Judges against readers: is there an error in a text?",
            markdown_table(
                ["judge", "texts", "agree %", "kappa", "found %", "false alarms %"], table
            ),
        ]
    return "\n\n".join(parts) + "\n"


def _counts(items: Sequence[str], readers: Mapping[str, Mapping[str, Label]]) -> list[str]:
    cells = []
    for labels in readers.values():
        cells += [str(sum(len(labels[item][kind]) for item in items)) for kind in KINDS]
        cells.append(str(sum(_is_broken(labels[item]) for item in items)))
    fine = [not any(_has_error(labels[item]) for labels in readers.values()) for item in items]
    return [*cells, f"{100 * mean(fine):.1f}"]


def _has_error(label: Label) -> bool:
    return any(label[kind] for kind in KINDS)


def _is_broken(label: Label) -> bool:
    return bool(label[BROKEN])


def kappa(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Cohen's kappa of two readers; 1 where both say one thing of everything."""
    agree = mean(a == b for a, b in zip(first, second, strict=True))
    p, q = mean(first), mean(second)
    chance = p * q + (1 - p) * (1 - q)
    return 1.0 if chance == 1 else (agree - chance) / (1 - chance)


def _judges(
    experiment: ConseqExperiment, places: Places, key: Mapping[str, Any]
) -> dict[str, list[bool]]:
    """For each judge whether it finds an error in each item; those whose statistics are kept."""
    space = Workspace(experiment, places)
    steps = {}
    for whose in key.values():
        arm, seed = experiment.arm(whose["arm"]), whose["seed"]
        assert arm is not None  # drawn from the arms
        if arm.name not in steps:
            steps[arm.name] = kept(arm_file(places.out, arm, seed), space.identity(arm, seed))
    if any(step is None for step in steps.values()):
        return {}
    rows = {arm: step.rows for arm, step in steps.items() if step is not None}
    return {
        judge: [
            any(rows[whose["arm"]][metric][whose["at"]][0] > 0 for metric in metrics)
            for whose in key.values()
        ]
        for judge, metrics in JUDGES.items()
        if all(metric in of for metric in metrics for of in rows.values())
    }


def _agreement(flags: Sequence[bool], truth: Sequence[bool]) -> list[str]:
    right = mean(a == b for a, b in zip(flags, truth, strict=True))
    found = [flag for flag, wrong in zip(flags, truth, strict=True) if wrong]
    false = [flag for flag, wrong in zip(flags, truth, strict=True) if not wrong]
    return [
        str(len(flags)),
        f"{100 * right:.1f}",
        f"{kappa(flags, truth):.2f}",
        f"{100 * mean(found):.1f}" if found else "-",
        f"{100 * mean(false):.1f}" if false else "-",
    ]


if __name__ == "__main__":
    sys.exit(main())
