"""What a user reads about a malformed MR, plan or mapping, to the letter, with code and place.

``error_messages.jsonl`` has one case a line. After a message was changed on purpose, write the file
anew with ``python tests/mr/test_error_messages.py`` and read the difference.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from d2t.errors import D2TError
from d2t.mr.columns import Columns
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.plans import parse_plan, parse_prefix

TABLE = Path(__file__).with_name("error_messages.jsonl")
DOMAIN = load_domain("restaurant")
MR = parse_mr("name[Aromi], food[Thai], area[riverside]", DOMAIN)
READERS = {
    "mr": lambda source: parse_mr(source, DOMAIN),
    "viggo": lambda source: parse_mr(source, load_domain("viggo")),
    "plan": lambda source: parse_plan(source, MR, DOMAIN),
    "prefix": lambda source: parse_prefix(source, MR, DOMAIN),
    "map": lambda source: Columns.of(DOMAIN, map=source),
}


def outcome(reader: str, source: Any) -> dict[str, Any] | None:
    """The error of reading ``source``, as a JSON object; None: there is none."""
    try:
        READERS[reader](source)
    except D2TError as error:
        place = {key: getattr(error, key, None) for key in ("line", "column")}
        return {"type": type(error).__name__, "code": error.code, **place, "message": str(error)}
    return None


def cases() -> list[dict[str, Any]]:
    return [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['reader']}: {case['source']!r}")
def test_the_message_is_the_one_of_the_table(case: dict[str, Any]) -> None:
    assert case["error"] is not None
    assert outcome(case["reader"], case["source"]) == case["error"]


if __name__ == "__main__":
    again = [{**case, "error": outcome(case["reader"], case["source"])} for case in cases()]
    lines = (json.dumps(case, ensure_ascii=False) + "\n" for case in again)
    TABLE.write_text("".join(lines), encoding="utf-8")
