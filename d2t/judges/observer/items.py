"""What an observer is asked about a generated text, and what it may see (rule F5.7).

``value``: one slot's value is hidden. Input: the rest of the MR; rationale: the text; answer: the
value. The cleanest reading of LAS here, close to a test of faithfulness.

``verbalised``: input: the whole MR; rationale: the plan without values; answer: whether the text
says the slot at all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from d2t.errors import DataError
from d2t.language.template import template_words
from d2t.score.records import check_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.types import Plan, Slot
    from d2t.score.records import Checker, EvaluationRecord

Target = Literal["value", "verbalised"]
_MOST_OMITTED = 5
BREAK = "|"


@dataclass(frozen=True, slots=True)
class SimulationItem:
    """One question about one text.

    Attributes:
        question: the slot.
        answer: what the observer should say.
        input: words of the input.
        rationale: words of the rationale.
        mr: identity of the MR, which keeps its items on one side of every split.
    """

    question: str
    answer: str
    input: tuple[str, ...]
    rationale: tuple[str, ...]
    mr: object


def value_items(records: Iterable[EvaluationRecord], domain: Domain) -> list[SimulationItem]:
    """One item for each closed slot with one value in the MR: which value does the text say?

    Values that tell a reader the same thing (synonyms) are one answer. Open and numeric slots have
    no closed set of answers and are only part of the input. What is simulated is the value that the
    generator *was given*, not a prediction of its own as in the original: it makes none.

    Raises:
        DataError: no record has such a slot.
    """
    closed = {spec.name: spec for spec in domain.slots if spec.kind not in ("open", "numeric")}
    items = []
    for record in records:
        words = tuple(template_words(record.text))
        for slot in record.mr.slots:
            if slot.name not in closed or len(record.mr.values(slot.name)) != 1 or not slot.value:
                continue
            rest = tuple(str(other) for other in record.mr.slots if other != slot)
            answer = closed[slot.name].merged(slot.value)
            items.append(SimulationItem(slot.name, answer, rest, words, record.mr.key()))
    if not items:
        raise DataError(
            "no record has a slot with a closed set of values (categorical, boolean, ordinal, "
            "list), so there is no value to be simulated",
            code="empty_file",
        )
    return items


def verbalised_items(
    records: Sequence[EvaluationRecord], checker: Checker, *, most: int = _MOST_OMITTED
) -> list[SimulationItem]:
    """One item for each of the slots that are omitted most: does the text say it, with any value?

    Args:
        records: outputs with the plan that the generator followed.
        checker: reads what is missing.
        most: slots that are asked about, at most.

    Raises:
        DataError: a record has no plan (code ``missing_plan``), or no text omits anything.
    """
    judged = check_records(records, checker)
    omitted = Counter(slot.name for item in judged for slot in item.report.missing)
    asked = {name for name, _ in omitted.most_common(most)}
    items = []
    for item in judged:
        record = item.record
        if record.plan is None:
            raise DataError(
                f"record {record.id!r} has no plan, which is the rationale of whether a slot is "
                "said; give outputs of `d2t generate`, or simulate values: --target value",
                code="missing_plan",
            )
        missing: set[Slot] = set(item.report.missing)
        whole, order = tuple(map(str, record.mr.slots)), _order(record.plan)
        for slot in dict.fromkeys(record.mr.slots):
            if slot.name in asked:
                answer = "omitted" if slot in missing else "said"
                items.append(SimulationItem(slot.name, answer, whole, order, record.mr.key()))
    if not items:
        raise DataError(
            "every text says all its slots, so there is nothing to predict with --target "
            "verbalised; use --target value",
            code="empty_file",
        )
    return items


def _order(plan: Plan) -> tuple[str, ...]:
    """The plan without values: slot names, and where sentences begin if that is planned."""
    sentences = [tuple(slot.name for slot in sentence) for sentence in plan.sentences]
    return tuple(word for names in sentences for word in (*names, BREAK))[:-1]
