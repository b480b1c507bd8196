"""Hypotheses as the JSON records that ``d2t generate`` writes and ``d2t evaluate`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.mr.parse import unseen_values
from d2t.mr.render import mr_to_json
from d2t.slots.types import report_as_dict, slots_as_list

if TYPE_CHECKING:
    from d2t.errors import D2TError
    from d2t.generate.types import Hypothesis
    from d2t.mr.domain import Domain
    from d2t.mr.types import Plan


def plan_as_list(plan: Plan) -> list[str]:
    """The plan's labels, with ``"|"`` where a sentence begins; `parse_plan` reads it back.

    A plan of a single sentence ends with ``"|"``, so that it differs from one without sentences.
    """
    labels = plan.labels()
    if plan.breaks is None:
        return labels
    for index in reversed(plan.breaks or (len(labels),)):
        labels.insert(index, "|")
    return labels


def hypothesis_as_dict(hypothesis: Hypothesis, domain: Domain) -> dict[str, Any]:
    """``{id, mr, plan, text, spans, report, score, status, stage, order_kept, breaks_kept}``.

    ``plan`` is the order asked for, ``report.plan`` the order in which the text says its slots, and
    ``report.unseen`` lists values that the domain does not know for a closed slot. ``spans`` are
    the mentions of slots in the text, with character offsets; ``score`` is the mean log-probability
    per token. ``breaks_kept`` tells whether each sentence says the slots planned for it; it is null
    if the plan has no sentences. ``stage`` names the stage of verified generation that repaired the
    text, and is null for a first text.
    """
    report = report_as_dict(hypothesis.id, hypothesis.report)
    del report["id"]
    report["unseen"] = slots_as_list(unseen_values(hypothesis.mr, domain))
    return {
        "id": hypothesis.id,
        "mr": mr_to_json(hypothesis.mr, domain),
        "plan": plan_as_list(hypothesis.plan),
        "text": hypothesis.text,
        "spans": report.pop("spans"),
        "report": report,
        "score": round(hypothesis.score, 4),
        "status": hypothesis.status,
        "stage": hypothesis.stage,
        "order_kept": hypothesis.order_kept,
        "breaks_kept": hypothesis.breaks_kept,
    }


def error_as_dict(id: str, error: D2TError, *, line: int | None = None) -> dict[str, Any]:
    """``{id, error: {code, message, line, column}}``: the answer to a bad record."""
    described = error.as_dict()
    if described["line"] is None:
        described["line"] = line
    return {"id": id, "error": described}
