"""Which records of two output files belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from d2t.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.score.records import EvaluationRecord

Pair = tuple["EvaluationRecord", "EvaluationRecord"]


def pair_records(
    a: Sequence[EvaluationRecord], b: Sequence[EvaluationRecord]
) -> tuple[list[Pair], list[str]]:
    """Match the records of two files: by id where the ids are shared, else by position.

    Records found in one file only are left out and listed. References are those of either file;
    they must be the same where both have them.

    Returns:
        The pairs in the order of ``a``, and the ids that have no partner.

    Raises:
        DataError: ids repeat, nothing matches, the MRs or the references of a pair differ.
    """
    ids_a, ids_b = _by_id(a, "the first file"), _by_id(b, "the second file")
    if ids_a and ids_b and ids_a.keys() & ids_b.keys():
        pairs = [(ids_a[key], ids_b[key]) for key in ids_a if key in ids_b]
        lonely = [
            *(key for key in ids_a if key not in ids_b),
            *(key for key in ids_b if key not in ids_a),
        ]
    elif len(a) == len(b):
        pairs, lonely = list(zip(a, b, strict=True)), []
    else:
        raise DataError(
            f"the files share no id and have {len(a)} and {len(b)} records: nothing says which "
            "belong together. Give both the same 'id' fields.",
            code="no_pairs",
        )
    return [_agree(*pair) for pair in pairs], lonely


def _by_id(records: Sequence[EvaluationRecord], where: str) -> dict[str, EvaluationRecord]:
    table: dict[str, EvaluationRecord] = {}
    for record in records:
        if record.id in table:
            raise DataError(
                f"{where} has the id {record.id!r} twice; ids must be unique", code="duplicate_id"
            )
        table[record.id] = record
    return table


def _agree(a: EvaluationRecord, b: EvaluationRecord) -> Pair:
    """Check that two records are outputs for the same input, and share their references."""
    if a.mr.key() != b.mr.key():
        first, second = (", ".join(map(str, record.mr.slots)) for record in (a, b))
        raise DataError(
            f"record {a.id!r} has different MRs in the two files: {first} and {second}. Compare "
            "outputs for the same inputs, in the same order or with the same ids.",
            code="mr_mismatch",
        )
    if a.references and b.references and set(a.references) != set(b.references):
        raise DataError(
            f"record {a.id!r} has different references in the two files; one set must judge both "
            "systems. Remove the field from one file.",
            code="reference_mismatch",
        )
    references = a.references or b.references
    return replace(a, references=references), replace(b, references=references)
