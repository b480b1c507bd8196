"""README and guides: their size, their links, and that `d2t guide` shows them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from d2t.cli.guide import GUIDES, guide_text
from d2t.cli.main import app
from d2t.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
GUIDE_FILES = sorted((ROOT / "d2t" / "guides").glob("*.md"))
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "d2t/README.md", "data/README.md")),
    *GUIDE_FILES,
]


@cache
def anchors(document: Path) -> frozenset[str]:
    """The anchors of a document's headings, as code hosts make them."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return frozenset(re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings)


def links(document: Path) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def test_the_readme_is_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    assert len(text) <= 12_000


def test_every_guide_is_in_the_list_and_in_the_readme() -> None:
    assert {path.stem for path in GUIDE_FILES} == set(GUIDES)
    linked = links(ROOT / "README.md")
    assert [name for name in GUIDES if f"d2t/guides/{name}.md" not in linked] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_d2t_guide_lists_and_shows_the_guides() -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["guide"]).stdout
    assert [line.split()[0] for line in listed.splitlines()] == list(GUIDES)
    assert runner.invoke(app, ["guide", "check"]).stdout == guide_text("check")


def test_an_unknown_guide_is_a_usage_error_with_a_hint() -> None:
    with pytest.raises(UsageError, match="did you mean 'generate'"):
        guide_text("generte")
