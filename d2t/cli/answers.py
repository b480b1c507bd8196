"""The loop of commands that answer each record with a line: read, try, count what is bad."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from d2t.io.records import InputRecord

_Item = TypeVar("_Item")


def write_answers(
    records: Iterator[InputRecord],
    read: Callable[[InputRecord], _Item],
    answer: Callable[[Sequence[_Item]], Iterable[dict[str, Any] | None]],
    *,
    batch_size: int = 1,
    strict: bool = False,
    show_errors: bool = True,
) -> int:
    """Write one JSON line for each record on standard output, in input order.

    Args:
        records: good and bad ones.
        read: what is asked by a record; raises a ``D2TError`` if the record is bad.
        answer: of the good records of a batch; None: nothing is written for that record.
        batch_size: records that are answered together.
        strict: raise the error of the first bad record; else an error object takes its place.
        show_errors: whether the error objects are written.

    Returns:
        The number of bad records.

    Raises:
        D2TError: with ``strict``, of the first bad record; ``line`` is that of the record.
    """
    from d2t.errors import D2TError
    from d2t.io.records import error_record, write_record

    n_bad = 0
    while batch := list(islice(records, batch_size)):
        good: list[_Item] = []
        lines: dict[int, dict[str, Any] | None] = {}
        asked: list[int] = []
        for record in batch:
            try:
                if record.error is not None:
                    raise record.error
                good.append(read(record))
                asked.append(record.index)
            except D2TError as error:
                error.line = record.line
                if strict:
                    raise
                n_bad += 1
                lines[record.index] = error_record(record, error) if show_errors else None
        lines.update(zip(asked, answer(good), strict=True))
        for record in batch:
            if (line := lines[record.index]) is not None:
                write_record(sys.stdout, line)
        sys.stdout.flush()
    return n_bad
