"""Areas under the curve, the slot-count confound, hard cases, systems and costs, as one report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.judges.fluency.training import auc
from experiments.faithfulness.hard_cases import wrong_verdicts
from experiments.faithfulness.qa_corruptions import (
    CONTROL,
    FAITHFUL,
    KNOWN,
    MISREAD,
    MOVED,
    MR_SIDE,
    TEXT_SIDE,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from experiments.faithfulness.hard_cases import HardCase

WORST = -1e5
"""What a record without any pair scores (the sentinel of rule F1.2)."""
QUALS_READINGS = (
    "quals_precision", "quals_recall", "quals_sum", "quals_mean", "quals_worst",
    "quals_answers_only",
)  # fmt: skip
SCORES = (
    "checker", *QUALS_READINGS, "consistency_f1", "consistency_mean_log_p",
    "consistency_worst_log_p", "held_out_wordings_f1", "held_out_wordings_worst_log_p", "questeval",
)  # fmt: skip
TWO_SIDED = ("quals_sum", "quals_mean", "quals_worst")
FLOORS = {"swap": 0.97, "omission": 0.90, "hallucination": 0.92}
"""AUC that each two-sided reading is meant to reach, by the kind of error on either side."""
CORRUPTED = (*MR_SIDE, *TEXT_SIDE)
CONFOUND = ("quals_rest_precision", "quals_rest_recall")
JUDGE = "consistency_worst_log_p"
"""The score whose threshold, chosen on the corrupted references, judges the hard cases."""


def column(judged: Mapping[str, Any], score: str, *, sentinel: bool = True) -> list[float]:
    """One score of every record."""
    values = (row.get(score) for row in judged["rows"])
    if sentinel:
        return [WORST if value is None else float(value) for value in values]
    return [float(value) for value in values if value is not None]


def report(judged: Mapping[str, Any], cases: Sequence[HardCase]) -> dict[str, Any]:
    """Everything that is said about the judges."""
    threshold = best_threshold(
        column(judged["intact"], JUDGE),
        [v for kind in CORRUPTED for v in column(judged[kind], JUDGE)],
    )
    areas = _areas(judged, SCORES, "intact", (*CORRUPTED, CONTROL))
    agreed = {**judged, "agreed": _agreed(judged["intact"])}
    areas_agreed = _areas(agreed, SCORES[1:], "agreed", CORRUPTED)
    costs = _costs(judged)
    return {
        "n": {name: found["n"] for name, found in judged.items()},
        "auc": areas,
        "auc_agreed": areas_agreed,
        "floors": {"intact": _floors(areas), "agreed": _floors(areas_agreed)},
        "auc_text_swap_against_same_value": {
            s: _area(judged, s, CONTROL, "text_swap") for s in SCORES
        },
        "auc_diverse": _areas(
            judged,
            [name.replace("quals", "diverse") for name in QUALS_READINGS],
            "diverse:intact",
            [f"diverse:{kind}" for kind in MR_SIDE if f"diverse:{kind}" in judged],
        ),
        "confound": _areas(judged, CONFOUND, "intact", (*MR_SIDE,)),
        "correlation_with_n_slots": {
            score: _correlation(judged["intact"], score) for score in SCORES
        },
        "unseen_values": {
            name: {s: _area(judged, s, f"{name}_intact", f"{name}_swap") for s in SCORES}
            for name in ("held_out_value", "invented_value")
            if f"{name}_intact" in judged
        },
        "distractors": _distractors(judged, threshold),
        "hard": _hard(judged["hard"], cases, threshold),
        "systems": _systems(judged, threshold),
        "cost_ms_per_record": costs,
        "qags_to_quals": round(costs["qags"] / costs["quals_diverse"], 2)
        if "qags" in costs
        else None,
    }


def _agreed(judged: Mapping[str, Any]) -> dict[str, Any]:
    """The intact records on which the checker agrees with the MR.

    The MRs of cleaned E2E are made by rules too, and wrong for many references: an "intact" record
    may hold an error, which bounds every AUC. Here two judges stand behind its being intact (and
    records that the checker misreads are lost, so that both tables belong together).
    """
    return {**judged, "rows": [row for row in judged["rows"] if row["checker"] == 0]}


def best_threshold(good: Sequence[float], bad: Sequence[float]) -> float:
    """The score that separates best: the highest mean of the two shares judged rightly."""
    places = np.unique([*good, *bad])
    rates = [np.mean(np.array(good) >= t) + np.mean(np.array(bad) < t) for t in places]
    return float(places[int(np.argmax(rates))])


def _area(judged: Mapping[str, Any], score: str, good: str, bad: str) -> float:
    return round(auc(column(judged[good], score), column(judged[bad], score)), 4)


def _areas(
    judged: Mapping[str, Any], scores: Iterable[str], good: str, bad: Sequence[str]
) -> dict[str, dict[str, float]]:
    if good not in judged:
        return {}
    return {s: {kind: _area(judged, s, good, kind) for kind in bad} for s in scores}


def _floors(areas: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, str]]:
    """``AUC met`` or ``AUC short of FLOOR`` for each two-sided reading and kind of error."""

    def verdict(kind: str, area: float) -> str:
        floor = FLOORS[kind.partition("_")[2]]
        return f"{area:.3f} {'met' if area >= floor else f'short of {floor:.2f}'}"

    return {s: {kind: verdict(kind, areas[s][kind]) for kind in CORRUPTED} for s in TWO_SIDED}


def _correlation(judged: Mapping[str, Any], score: str) -> float | None:
    """Pearson's, of an intact record's score and its number of slots."""
    rows = [row for row in judged["rows"] if row.get(score) is not None]
    pairs = np.array([[row[score], row["n_slots"]] for row in rows])
    if len(pairs) < 3 or not pairs.std(axis=0).all():
        return None
    return round(float(np.corrcoef(pairs.T)[0, 1]), 4)


def _distractors(judged: Mapping[str, Any], threshold: float) -> dict[str, Any]:
    """By the kind of the clause: AUC of each score, and verdicts of two judges that are right.

    Empty where nothing was distracted.
    """
    pairs = {
        "held-out frames": (FAITHFUL, MISREAD),
        "known frames": (f"{FAITHFUL}{KNOWN}", f"{MISREAD}{KNOWN}"),
        "moved in the text": (FAITHFUL, MOVED),
    }
    pairs = {name: pair for name, pair in pairs.items() if all(one in judged for one in pair)}
    areas = {
        name: {score: _by_kind(judged[good], judged[bad], score) for score in SCORES}
        for name, (good, bad) in pairs.items()
    }
    right = {
        f"{condition}: {name}": _share(judged[condition], score, least, condition in faithful)
        for faithful in [{good for good, _ in pairs.values()}]
        for condition in dict.fromkeys(one for pair in pairs.values() for one in pair)
        for name, score, least in (("checker", "checker", 0.0), (JUDGE, JUDGE, threshold))
    }
    return {"auc": areas, "right": right}


def _by_kind(good: Mapping[str, Any], bad: Mapping[str, Any], score: str) -> dict[str, float]:
    """AUC within each kind that both have, and over all of these."""
    sides = [(np.array(side["kinds"]), np.array(column(side, score))) for side in (good, bad)]
    found, both = {}, sorted(set(good["kinds"]) & set(bad["kinds"]))
    for kind in ("all", *both):
        wanted = both if kind == "all" else [kind]
        chosen = [values[np.isin(kinds, wanted)] for kinds, values in sides]
        found[kind] = round(auc(*chosen), 4)
    return found


def _share(judged: Mapping[str, Any], score: str, least: float, faithful: bool) -> dict[str, float]:
    """Percentage of right verdicts by kind; a record is called faithful from ``least`` on."""
    kinds = np.array(judged["kinds"])
    right = (np.array(column(judged, score)) >= least) == faithful
    return {
        kind: round(100 * float(right[(kinds == kind) | (kind == "all")].mean()), 1)
        for kind in ("all", *sorted(set(judged["kinds"])))
    }


def _hard(judged: Mapping[str, Any], cases: Sequence[HardCase], threshold: float) -> dict[str, Any]:
    """AUC of each score, and errors of two yes-or-no judges, by kind."""
    faithful = np.array([case.faithful for case in cases])
    kinds = np.array([case.kind for case in cases])
    areas = {}
    for score in SCORES:
        values = np.array(column(judged, score))
        areas[score] = {
            kind: round(auc(values[here & faithful], values[here & ~faithful]), 4)
            for kind in (*dict.fromkeys(kinds.tolist()), "all")
            for here in [(kinds == kind) | (kind == "all")]
        }
    wrong = {}
    for name, said in (
        ("checker", np.array(column(judged, "checker")) == 0),
        (f"{JUDGE} >= {threshold:.3f}", np.array(column(judged, JUDGE)) >= threshold),
    ):
        counts = wrong_verdicts(cases, said.tolist())
        wrong[name] = {**dict(sorted(counts.items())), "all": counts.total()}
    return {"auc": areas, "wrong": wrong, "threshold": threshold}


def _systems(judged: Mapping[str, Any], threshold: float) -> dict[str, Any]:
    """Means of each system, and how the judges agree about its texts."""
    found = {}
    for name, scores in judged.items():
        if not name.startswith("system:"):
            continue
        clean = np.array(column(scores, "checker")) == 0
        fine = np.array(column(scores, JUDGE)) >= threshold
        means = {s: column(scores, s, sentinel=False) for s in SCORES}
        found[name.removeprefix("system:")] = {
            "n": scores["n"],
            "checker_exact": round(100 * float(clean.mean()), 2),
            "judge_exact": round(100 * float(fine.mean()), 2),
            "agree": round(100 * float((clean == fine).mean()), 2),
            **{s: round(float(np.mean(v)), 4) for s, v in means.items() if v},
        }
    return found


def _costs(judged: Mapping[str, Any]) -> dict[str, float]:
    """Wall milliseconds a record by mode, over everything judged."""
    seconds: Counter[str] = Counter()
    records: Counter[str] = Counter()
    for found in judged.values():
        for mode, spent in found["seconds"].items():
            seconds[mode] += spent
            records[mode] += found["n"]
    return {mode: round(1000 * seconds[mode] / records[mode], 2) for mode in seconds}


def as_markdown(found: Mapping[str, Any]) -> str:
    """The report for people."""
    n = found["n"]
    lines = ["# Question-answering metrics as judges", ""]
    lines.append("Records: " + ", ".join(f"{name} {count}" for name, count in n.items()))
    lines += ["", "## AUC against intact references", *_table(found["auc"])]
    lines += ["", "## AUC against the intact references on which the checker agrees"]
    lines += _table(found["auc_agreed"])
    for against, floors in found["floors"].items():
        lines += ["", f"## Floors, two-sided QUALS against {against} references", *_table(floors)]
    lines += ["", "## Text swaps against same-value rephrasings, and unseen values (AUC)"]
    beside = {"text_swap/same": found["auc_text_swap_against_same_value"], **found["unseen_values"]}
    lines += _table({s: {k: beside[k][s] for k in beside} for s in SCORES})
    if found["auc_diverse"]:
        lines += ["", "## QUALS with diverse beam search (AUC)", *_table(found["auc_diverse"])]
    lines += ["", "## Slot-count confound: AUC of the pairs about the other slots (0.5: none)"]
    lines += _table(found["confound"])
    lines.append(
        f"\nCorrelation with the number of slots, intact: {found['correlation_with_n_slots']}"
    )
    lines += _distractor_lines(found["distractors"])
    lines += ["", "## Hard cases: AUC", *_table(found["hard"]["auc"])]
    lines += ["", "Wrong verdicts of 150:", *_table(found["hard"]["wrong"])]
    if found["systems"]:
        lines += ["", "## Systems", *_table(found["systems"])]
    lines += ["", f"Cost, ms a record: {found['cost_ms_per_record']}"]
    if found["qags_to_quals"] is not None:
        lines.append(
            f"QAGS costs {found['qags_to_quals']} times what QUALS does, both from the text's side "
            "with one model's proposals (the source says 55: three large models against one)."
        )
    return "\n".join(lines) + "\n"


def _distractor_lines(found: Mapping[str, Any]) -> list[str]:
    """Kinds down, judges across: there are more kinds than a page is wide."""
    lines = []
    for name, areas in found["auc"].items():
        lines += ["", f"## Clauses that are not about the subject, {name}: AUC"]
        lines += _table(_turned(areas))
    if found["right"]:
        lines += ["", "Right verdicts, %:", *_table(_turned(found["right"]))]
    return lines


def _turned(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Columns as rows."""
    columns = dict.fromkeys(key for row in rows.values() for key in row)
    return {key: {name: row.get(key) for name, row in rows.items()} for key in columns}


def _table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    head = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    return head + [
        f"| {name} | " + " | ".join(_cell(row.get(key)) for key in columns) + " |"
        for name, row in rows.items()
    ]


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
