"""The page of results says what the committed tables say, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "experiments" / "results"
PAGES = (RESULTS / "README.md", ROOT / "experiments" / "README.md", ROOT / "experiments" / "LOG.md")
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*|-?\.\d+")

# Section of the page, its table file, and how the page names a row of that file.
TABLES = {
    "1": ("strategies/table.md", {}),
    "2": (
        "reproduction/table.md",
        {
            "+ phrases (25,000)": "Transformer AT + phrases",
            "+ self-training (16,000 samples)": "Transformer AT + self-training",
            "+ both (14,500 samples)": "Transformer AT + both",
            "biGRU AT + self-training (8,000)": "biGRU AT + self-training",
        },
    ),
    "5": ("shapes/speed.md", {}),
    "6": ("faithfulness/qa/report.md", {"QuestEval": "questeval", "slot checker": "checker"}),
    "7": ("faithfulness/conseq/table.md", {}),
    "8": ("faithfulness/contrast-noisy/table.md", {"beam 4, reranked": "rerank4"}),
    "11": ("faithfulness/together/table.md", {}),
}


def cells(line: str) -> list[str]:
    return [
        cell.strip().replace("\\", "").replace("*", "")
        for cell in line.strip().strip("|").split("|")
    ]


def committed(name: str) -> dict[str, set[float]]:
    """The numbers that a table file has for each first cell."""
    rows: dict[str, set[float]] = {}
    for line in (RESULTS / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            first, *others = cells(line)
            numbers = {float(n.replace(",", "")) for n in NUMBER.findall(" ".join(others))}
            rows.setdefault(first, set()).update(numbers)
    return rows


def section(number: str) -> list[str]:
    text = PAGES[0].read_text(encoding="utf-8")
    return text.split(f"\n## {number}. ")[1].split("\n## ")[0].splitlines()


def wrong_numbers(said: str, known: set[float]) -> list[str]:
    """What rounds no committed number."""
    wrong = []
    for text in NUMBER.findall(said):
        half = 0.5 * 10 ** -len(text.partition(".")[2]) + 1e-9
        value = float(text.replace(",", ""))
        if not any(abs(value - number) <= half for number in known):
            wrong.append(text)
    return wrong


@pytest.mark.parametrize("number", TABLES)
def test_rows_of_the_page_are_those_of_the_table(number: str) -> None:
    name, aliases = TABLES[number]
    rows = committed(name)
    n_compared, wrong = 0, []
    for line in section(number):
        if not line.startswith("|"):
            continue
        first, *others = cells(line)
        label = aliases.get(first, first).replace("BOTH", "AT + phrases and self-training")
        if label in rows and NUMBER.search(" ".join(others)):
            n_compared += 1
            wrong += [(first, text) for text in wrong_numbers(" ".join(others), rows[label])]
    assert wrong == []
    assert n_compared >= (2 if number in "68" else 5)


def test_a_wrong_number_is_noticed() -> None:
    assert wrong_numbers("0.30 ± 0.04, 1,069", {0.304, 0.04, 1069.0}) == []
    assert wrong_numbers("0.31", {0.304}) == ["0.31"]


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert links
    broken = []
    for link in links:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []
