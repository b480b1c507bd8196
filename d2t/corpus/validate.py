"""Find what is wrong in a corpus file, line by line."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from d2t.corpus.files import CorpusReader
from d2t.errors import D2TError
from d2t.mr.parse import unseen_values

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions, ReadReport

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one record.

    Attributes:
        severity: an ``error`` makes the record unusable; a ``warning`` deserves a look.
    """

    line: int
    id: str
    severity: Severity
    code: str
    message: str
    column: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON object that ``d2t data validate`` prints."""
        return {
            "line": self.line,
            "column": self.column,
            "id": self.id,
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
        }


class CorpusValidator:
    """Reads a corpus file, yields its problems and counts them."""

    def __init__(self, path: Path, domain: Domain, reading: ReadOptions | None = None) -> None:
        """Nothing is read yet; ``reading`` says how the file is read."""
        self.path = path
        self._reading = reading
        self.report: ReadReport | None = None
        self.domain = domain
        self.records = 0
        self.bad_records = 0
        self.codes: Counter[str] = Counter()
        self._seen: dict[Hashable, int] = {}

    def problems(self) -> Iterator[Problem]:
        """All problems, in the order of lines.

        Raises:
            DataError: the file itself cannot be read.
        """
        corpus = CorpusReader(self.path, self.domain, name=self.path.stem, reading=self._reading)
        self.report = corpus.report
        for record, example in corpus:
            self.records += 1
            if isinstance(example, D2TError):
                findings = [(_ERROR, example.code, example.message, example.column)]
            else:
                findings = list(self._examine(example, record.line))
            self.bad_records += any(severity == _ERROR for severity, *_ in findings)
            for severity, code, message, column in findings:
                self.codes[code] += 1
                own_id = record.id if isinstance(example, D2TError) else example.id
                yield Problem(record.line, own_id, severity, code, message, column)

    def summary(self) -> dict[str, Any]:
        """``records``, ``bad_records``, and how often each problem ``code`` occurred."""
        return {
            "file": str(self.path),
            "records": self.records,
            "bad_records": self.bad_records,
            "codes": dict(self.codes.most_common()),
            "input": None if self.report is None else self.report.as_dict(),
        }

    def _examine(self, example: Example, line: int) -> Iterator[_Finding]:
        for slot in unseen_values(example.mr, self.domain):
            known = ", ".join(self.domain.slot(slot.name).values)
            yield (
                _WARNING,
                "unseen_value",
                f"{slot} is not a value that domain {self.domain.name!r} lists ({known})",
                None,
            )
        for text in example.references:
            yield from _examine_text(text)
            key = (example.mr.key(), text)
            if key in self._seen:
                message = f"the same MR and text as on line {self._seen[key]}"
                yield _WARNING, "duplicate_pair", message, None
            self._seen.setdefault(key, line)


# "Ã©" for "é", "Â£" for "£", "â€™" for an apostrophe.
_DECODED_TWICE = re.compile("[\u00c2\u00c3][\u0080-\u00bf]|\u00e2\u20ac")
_ERROR: Severity = "error"
_WARNING: Severity = "warning"
_Finding = tuple[Severity, str, str, int | None]


def _examine_text(text: str) -> Iterator[_Finding]:
    if not text.strip():
        yield _ERROR, "empty_text", "the text is empty; every MR needs a reference", None
    for position, char in enumerate(text, start=1):
        if unicodedata.category(char) == "Cc":
            yield (
                _ERROR,
                "control_character",
                f"control character U+{ord(char):04X} at character {position} of the text; "
                "delete it or write a space",
                None,
            )
            break
    if "\ufffd" in text:
        yield (
            _WARNING,
            "replacement_character",
            "the text holds U+FFFD, so it was once read in a wrong encoding; restore the original",
            None,
        )
    if match := _DECODED_TWICE.search(text):
        yield (
            _WARNING,
            "decoded_twice",
            f"{match[0]!r} looks like UTF-8 that was read as Latin-1; restore the original",
            None,
        )
