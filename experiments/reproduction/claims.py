"""What the committed statistics show: paired tests, the claims of the papers, the targets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from d2t.mr.domain import load_domain
from d2t.score.bootstrap import PAIRED_TESTS, PairedResult, Resampling
from d2t.score.metric import make_scorers
from d2t.slots.checker import SlotChecker
from experiments.engine.table import table_lines
from experiments.reproduction.workspace import entry_key

if TYPE_CHECKING:
    from d2t.score.metric import Scorer
    from experiments.reproduction.config import Target
    from experiments.reproduction.workspace import Workspace


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a system (by its label) in one setting and decoder."""

    label: str
    setting: str
    decoder: str = "greedy"


@dataclass(frozen=True)
class PairedClaim:
    """B against A on one metric, over the seeds that both have."""

    a: Side
    b: Side
    metric: str
    seeds: int
    result: PairedResult

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        numbers = {name: round(getattr(self.result, name), 4) for name in PairedResult.__slots__}
        sides = {"a": asdict(self.a), "b": asdict(self.b)}
        return {**sides, "metric": self.metric, "seeds": self.seeds, **numbers}

    def words(self) -> str:
        """``98.10 -> 99.20 (+1.10 [0.90, 1.30], p < 0.001)``."""
        r = self.result
        p = "p < 0.001" if r.p_value < 0.001 else f"p = {r.p_value:.3f}"
        return (
            f"{r.score_a:.2f} → {r.score_b:.2f} ({r.difference:+.2f} "
            f"[{r.low:+.2f}, {r.high:+.2f}], {p})"
        )


def compare(workspace: Workspace, a: Side, b: Side, metric: str) -> PairedClaim | None:
    """Paired bootstrap over MRs; None when scores are missing or answer different requests.

    The statistics of the seeds of a system are added up per MR, so that the score is that of all
    its outputs; seeds are fixed here, MRs are drawn.
    """
    table = workspace.table
    sides = []
    for side in (a, b):
        rows = table.labelled(side.label)
        corpora = {row.name: table.corpora(row)[0] for row in rows}
        sides.append(
            [
                (row, entry_key(corpora[row.name], side.setting, side.decoder))
                for row in rows
                if workspace.entry(row, corpora[row.name], side.setting, side.decoder)
            ]
        )
    n = min(map(len, sides))
    kept = [[workspace.statistics(row).get(key, {}) for row, key in side[:n]] for side in sides]
    flat = [item for side in kept for item in side]
    if any(metric not in item for item in flat) or len({item["requests"] for item in flat}) != 1:
        return None
    sums = [
        np.asarray([item[metric] for item in side], dtype=np.float64).sum(axis=0) for side in kept
    ]
    scorer = _scorers(table.train_config(sides[0][0][0]).data.domain)[metric]
    result = PAIRED_TESTS["bootstrap"](scorer.scores, *sums, Resampling())
    return PairedClaim(a, b, metric, n, result)


@cache
def _scorers(domain_name: str) -> dict[str, Scorer]:
    domain = load_domain(domain_name)
    scorers = make_scorers(domain, ("slots", "order", "text"), SlotChecker.for_domain(domain))
    return {scorer.key: scorer for scorer in scorers}


CONTROLS = 90.0
"""Order accuracy (%) on random plans from which one may speak of control."""
ALPHA = 0.05
SETTINGS = (("data", "break_share"), ("data", "clauses"), ("train", "epochs"), ("select", "metric"))
"""Of a training, what may explain a difference as well as more pairs."""


@dataclass(frozen=True)
class Claim:
    """One statement with its evidence.

    Attributes:
        text: the claim.
        verdict: ``confirmed``, ``refuted``, ``in part``, or ``open`` (rows are missing).
        evidence: a sentence each.
        tests: the numbers.
    """

    text: str
    verdict: str
    evidence: tuple[str, ...]
    tests: tuple[PairedClaim, ...] = ()

    def as_markdown(self) -> str:
        """One bullet."""
        return f"- **{self.text}: {self.verdict}.** {' '.join(self.evidence)}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        tests = [test.as_dict() for test in self.tests]
        return {**vars(self), "evidence": list(self.evidence), "tests": tests}


def all_claims(workspace: Workspace) -> list[Claim]:
    """The three claims of the papers, as far as the rows are there."""
    return [control(workspace), augmentation(workspace), greedy(workspace)]


def control(workspace: Workspace) -> Claim:
    """Alignment training controls order, the other strategies do not."""
    text = "Alignment training controls order, the other strategies do not"
    names = workspace.table.claims.control
    if not names:
        return Claim(text, "open", ("no systems are named.",))
    first, *others = names
    found = {
        other: compare(workspace, Side(first, "random"), Side(other, "random"), "order_accuracy")
        for other in others
    }
    tests = [test for test in found.values() if test is not None]
    missing = [other for other, test in found.items() if test is None]
    evidence = [
        f"Order accuracy on random plans, {first} against {test.b.label}: {test.words()}."
        for test in tests
    ]
    holds = [
        test.result.score_a >= CONTROLS > test.result.score_b and test.result.p_value < ALPHA
        for test in tests
    ]
    return _claim(text, holds, evidence, missing, tests)


def augmentation(workspace: Workspace) -> Claim:
    """Augmentation improves control on random plans without costing BLEU."""
    claims = workspace.table.claims
    text = "Augmentation improves control on random plans without costing BLEU"
    if not claims.augmentation:
        return Claim(text, "open", ("no systems are named.",))
    base, *others = claims.augmentation
    evidence: list[str] = []
    holds: list[bool] = []
    missing: list[str] = []
    tests: list[PairedClaim] = []
    for other in others:
        found = [
            compare(workspace, Side(base, setting), Side(other, setting), metric)
            for setting, metric in (
                ("random", "order_accuracy"), ("random", "slot_error_rate"), ("own", "bleu"),
            )
        ]  # fmt: skip
        order, ser, bleu = found
        if order is None or ser is None or bleu is None:
            missing.append(other)
            continue
        tests += [order, ser, bleu]
        evidence.append(
            f"{other} ({_seeds(order)}): order {order.words()}, SER {ser.words()}, BLEU on the "
            f"planner's plans {bleu.words()}."
        )
        better = order.result.difference > 0 and order.result.p_value < ALPHA
        holds.append(better and bleu.result.low >= -claims.bleu_margin)
    if tests:
        evidence.append(f"Asked of BLEU: an interval above {-claims.bleu_margin:g}.")
        evidence += filter(None, (other_settings(workspace, base, other) for other in others))
    return _claim(text, holds, evidence, missing, tests)


def greedy(workspace: Workspace) -> Claim:
    """After self-training greedy decoding is as faithful as reranked beam."""
    claims = workspace.table.claims
    text = "After self-training greedy decoding is as faithful as reranked beam"
    evidence: list[str] = []
    holds: list[bool] = []
    missing: list[str] = []
    tests: list[PairedClaim] = []
    for label in claims.greedy:
        for setting in ("own", "random-1"):
            sides = Side(label, setting, "reranked"), Side(label, setting)
            test = compare(workspace, *sides, "slot_error_rate")
            title = workspace.table.settings[setting].title
            if test is None:
                missing.append(f"{label}, {title}")
                continue
            tests.append(test)
            evidence.append(
                f"{label}, {title}: SER of reranked beam → greedy {test.words()} ({_seeds(test)})."
            )
            if label != claims.greedy[0]:  # the first is the base, for contrast
                holds.append(test.result.high <= claims.ser_margin)
    if holds:
        evidence.append(f"Asked: an interval below {claims.ser_margin:g} points.")
    return _claim(text, holds, evidence, missing, tests)


def other_settings(workspace: Workspace, base: str, other: str) -> str:
    """What else but their pairs the trainings of two systems differ in; empty where in nothing."""
    sides = []
    for label in (base, other):
        trained = [workspace.scores(row).get("training") for row in workspace.table.labelled(label)]
        configs = [run["config"] for run in trained if run and "config" in run]
        if not configs:
            return ""
        sides.append(configs[0])
    changed = [
        f"{name.replace('_', ' ')} {shown(there)} instead of {shown(here)}"
        for section, name in SETTINGS
        if (here := sides[0].get(section, {}).get(name))
        != (there := sides[1].get(section, {}).get(name))
        and (here or there)
    ]
    return f"{other} was trained with other settings, too: {', '.join(changed)}." if changed else ""


def shown(value: object) -> str:
    """A setting for people."""
    if value is None or isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _claim(
    text: str, holds: list[bool], evidence: list[str], missing: list[str], tests: list[PairedClaim]
) -> Claim:
    verdict = "open"
    if holds:
        verdict = "confirmed" if all(holds) else "in part" if any(holds) else "refuted"
    if holds and missing:
        verdict += ", as far as it goes"
    if missing:
        evidence = [*evidence, f"Not scored yet: {'; '.join(missing)}."]
    return Claim(text, verdict, tuple(evidence), tuple(tests))


def _seeds(test: PairedClaim) -> str:
    return f"{test.seeds} seed{'s' if test.seeds > 1 else ''}"


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
    body = [
        [row["name"], row["decoder"], row["bound"]]
        + [_cell(row["reached"].get(label)) for label in labels]
        for row in rows
    ]
    heads = ["target", "decoder", "bound", *labels]
    return [*lines, *table_lines(heads, body, align="llr" + "r" * len(labels))]


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    said = f"{found['value']:.2f} ({found['setting']})"
    return f"**{said}**" if found["met"] else said
