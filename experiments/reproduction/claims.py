"""The claims, each a sentence filled from numbers: confirmed, refuted, or not to be said yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.reproduction.significance import Paired, Side, compare

if TYPE_CHECKING:
    from experiments.reproduction.workspace import Workspace

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
    tests: tuple[Paired, ...] = ()

    def as_markdown(self) -> str:
        """One bullet."""
        return f"- **{self.text}: {self.verdict}.** {' '.join(self.evidence)}"

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        tests = [test.as_dict() for test in self.tests]
        return {
            "text": self.text,
            "verdict": self.verdict,
            "evidence": list(self.evidence),
            "tests": tests,
        }


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
    tests, missing = _tests(
        workspace, Side(first, "random"), [Side(other, "random") for other in others],
        "order_accuracy",
    )  # fmt: skip
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
    tests: list[Paired] = []
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
    tests: list[Paired] = []
    for label in claims.greedy:
        for setting in ("own", "random-1"):
            sides = Side(label, setting, "reranked"), Side(label, setting)
            test = compare(workspace, *sides, "slot_error_rate")
            title = workspace.table.settings[setting].title if workspace.table.settings else setting
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


def _tests(
    workspace: Workspace, a: Side, others: list[Side], metric: str
) -> tuple[list[Paired], list[str]]:
    found = [(other, compare(workspace, a, other, metric)) for other in others]
    missing = [other.label for other, test in found if test is None]
    return [test for _, test in found if test is not None], missing


def _claim(
    text: str, holds: list[bool], evidence: list[str], missing: list[str], tests: list[Paired]
) -> Claim:
    verdict = "open"
    if holds:
        verdict = "confirmed" if all(holds) else "in part" if any(holds) else "refuted"
    if holds and missing:
        verdict += ", as far as it goes"
    if missing:
        evidence = [*evidence, f"Not scored yet: {'; '.join(missing)}."]
    return Claim(text, verdict, tuple(evidence), tuple(tests))


def _seeds(test: Paired) -> str:
    return f"{test.seeds} seed{'s' if test.seeds > 1 else ''}"
