"""Examples to and from a Hugging Face ``Dataset``, without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from d2t.corpus.types import Example
from d2t.errors import DataError
from d2t.extras import explained_imports
from d2t.mr.types import MeaningRepresentation, Plan, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from datasets import Dataset

_COLUMNS = ("id", "dialogue_act", "slots", "references", "plan", "plan_breaks")


def to_hf_dataset(examples: Iterable[Example]) -> Dataset:
    """A ``Dataset`` with one row an example.

    Columns: ``id``, ``dialogue_act``, ``slots`` (list of ``{name, value}``), ``references`` (list
    of texts), ``plan`` (list of ``{name, value}``, or None when the order is not known) and
    ``plan_breaks``.

    Raises:
        MissingExtraError: the ``datasets`` library is not installed.
    """
    with explained_imports():
        from datasets import Dataset, Features, List, Value
    slot = {"name": Value("string"), "value": Value("string")}
    features = Features(
        {
            "id": Value("string"),
            "dialogue_act": Value("string"),
            "slots": List(slot),
            "references": List(Value("string")),
            "plan": List(slot),
            "plan_breaks": List(Value("int64")),
        }
    )
    rows = [_row(example) for example in examples]
    columns = {name: [row[name] for row in rows] for name in _COLUMNS}
    return Dataset.from_dict(columns, features=features)  # from_list fails on no rows


def from_hf_dataset(dataset: Dataset) -> list[Example]:
    """The examples of a dataset made by :func:`to_hf_dataset`.

    Raises:
        DataError: a column is missing.
    """
    if missing := [name for name in _COLUMNS if name not in dataset.column_names]:
        raise DataError(
            f"the dataset has no column {missing[0]!r}; expected the columns that `to_hf_dataset` "
            f"writes: {', '.join(_COLUMNS)}",
            code="no_column",
        )
    return [_example(row) for row in dataset]


def _row(example: Example) -> dict[str, Any]:
    plan = example.plan
    return {
        "id": example.id,
        "dialogue_act": example.mr.dialogue_act,
        "slots": _dicts(example.mr.slots),
        "references": list(example.references),
        "plan": None if plan is None else _dicts(plan.slots),
        "plan_breaks": None if plan is None or plan.breaks is None else list(plan.breaks),
    }


def _example(row: dict[str, Any]) -> Example:
    plan = None
    if row["plan"] is not None:
        breaks = row["plan_breaks"]
        plan = Plan(_slots(row["plan"]), None if breaks is None else tuple(breaks))
    mr = MeaningRepresentation(_slots(row["slots"]), row["dialogue_act"])
    return Example(row["id"], mr, tuple(row["references"]), plan)


def _dicts(slots: Sequence[Slot]) -> list[dict[str, str]]:
    return [{"name": slot.name, "value": slot.value} for slot in slots]


def _slots(dicts: Sequence[dict[str, str]]) -> tuple[Slot, ...]:
    return tuple(Slot(item["name"], item["value"]) for item in dicts)
