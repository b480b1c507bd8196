"""Cases of the slot checker, one a line, in ``tests/slots/cases``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "slots" / "cases"


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a kind."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def parameters(name: str) -> list[Any]:
    """The cases for ``parametrize``; one that is known to be misread says why in ``misread``."""
    return [
        pytest.param(
            case,
            id=f"{case['kind']}: {case['text']}",
            marks=[pytest.mark.xfail(reason=case["misread"], strict=True)]
            if "misread" in case
            else [],
        )
        for case in cases(name)
    ]
