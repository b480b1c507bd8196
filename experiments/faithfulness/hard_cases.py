"""Cases that a slot checker cannot see or gets wrong, written by hand: ``hard_cases.jsonl``.

Each is an MR, a text, whether the text is faithful to the MR, and what is hard about it. They are
for judging judges: nothing is trained on them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import D2TError, DataError
from d2t.io.records import open_records
from d2t.mr.parse import parse_mr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation

FILE_NAME = "hard_cases.jsonl"
_FIELDS = {"id": str, "mr": str, "text": str, "faithful": bool, "kind": str, "note": str}


@dataclass(frozen=True, slots=True)
class HardCase:
    """One text with a verdict.

    Attributes:
        id: unique.
        mr: what should be said.
        text: what is said.
        faithful: whether the text says the MR, all of it and nothing else of the domain.
        kind: what is hard, for example ``negation_scope``.
        note: why it is what it is.
    """

    id: str
    mr: MeaningRepresentation
    text: str
    faithful: bool
    kind: str
    note: str


def load_hard_cases(domain: Domain, path: Path | None = None) -> list[HardCase]:
    """The hard cases of a domain, from its folder or another file.

    Raises:
        DataError: there is no such file, or a line is not a case; the message names the line.
    """
    if path is None:
        path = (domain.folder or Path()) / FILE_NAME
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected JSONL with {', '.join(_FIELDS)}")
    cases: list[HardCase] = []
    for record in open_records(str(path), format="jsonl"):
        try:
            if isinstance(record.content, D2TError):
                raise record.content
            cases.append(_case(record.content, domain))
        except D2TError as error:
            raise DataError(f"{path}: line {record.line}: {error.message}") from error
    repeated = [case for case, n in Counter(case.id for case in cases).items() if n > 1]
    if repeated:
        raise DataError(f"{path}: the id {repeated[0]!r} is there twice")
    return cases


def _case(fields: dict[str, Any] | str, domain: Domain) -> HardCase:
    if isinstance(fields, str):
        raise DataError(f"expected an object with {', '.join(_FIELDS)}")
    if set(fields) != set(_FIELDS):
        odd = sorted(set(fields) ^ set(_FIELDS))[0]
        raise DataError(f"field {odd!r}: expected exactly {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        if not isinstance(fields[name], kind) or fields[name] == "":
            raise DataError(f"field {name!r} must be a {kind.__name__}, and not empty")
    return HardCase(
        id=str(fields["id"]),
        mr=parse_mr(str(fields["mr"]), domain),
        text=str(fields["text"]),
        faithful=bool(fields["faithful"]),
        kind=str(fields["kind"]),
        note=str(fields["note"]),
    )


def wrong_verdicts(cases: Sequence[HardCase], said: Iterable[bool]) -> Counter[str]:
    """How many cases of each kind a yes-or-no judge got wrong.

    Args:
        cases: what was judged.
        said: whether the judge called each one faithful, in order.
    """
    return Counter(
        case.kind for case, faithful in zip(cases, said, strict=True) if faithful != case.faithful
    )
