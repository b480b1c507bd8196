"""Every rule of the sources that the code cites is stated in d2t/README.md."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAP = ROOT / "d2t" / "README.md"
RULE = r"[OFW]\d+(?:\.\d+)?"
# "rule O1.5", "rules F1.2, F5.3", "rules F3.3 and F5.7".
CITATION = re.compile(rf"[Rr]ules?\s+({RULE}(?:(?:,| and|, and)\s+{RULE})*)\b")
# Documents that readers of this repository do not have.
ELSEWHERE = re.compile(
    r"\bspec(?:ification)? *§|\bspec \d|shared/spec|\bSTYLE(?:\.md)?\b|\bDESIGN(?:\.md)?\b"
    r"|\b[Ww]arts? \d+"
)


@cache
def sources() -> tuple[Path, ...]:
    """Code and configurations that may cite; results and this folder are left out."""
    files = [
        path
        for folder in ("d2t", "experiments", "tests", "data")
        for suffix in ("*.py", "*.toml")
        for path in (ROOT / folder).rglob(suffix)
    ]
    own = Path(__file__).parent
    return tuple(f for f in sorted(files) if own not in f.parents and "results" not in f.parts)


def stated() -> list[str]:
    return re.findall(rf"^- \*\*({RULE})\*\*", MAP.read_text(encoding="utf-8"), re.M)


def citations(text: str) -> list[str]:
    return [rule for group in CITATION.findall(text) for rule in re.findall(RULE, group)]


def test_citations_are_recognised() -> None:
    assert citations("rule O1.5. Rules F1.2, F5.3; rules\nF3.3 and F5.7, (rule W3)") == [
        *("O1.5", "F1.2", "F5.3", "F3.3", "F5.7", "W3"),
    ]


def test_every_cited_rule_is_stated_once() -> None:
    cited = {rule for path in sources() for rule in citations(path.read_text(encoding="utf-8"))}
    assert len(cited) > 30
    assert sorted(cited - set(stated())) == []
    assert len(stated()) == len(set(stated()))


def test_no_rule_is_stated_that_nothing_cites() -> None:
    cited = {rule for path in sources() for rule in citations(path.read_text(encoding="utf-8"))}
    assert sorted(set(stated()) - cited) == []


@pytest.mark.parametrize("text", ["spec §5.6", "STYLE B5", "see DESIGN.md", "wart 19"])
def test_absent_documents_are_recognised(text: str) -> None:
    assert ELSEWHERE.search(text)


def test_no_code_cites_documents_that_are_not_here() -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert lines == []
