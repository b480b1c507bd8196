"""Learn ``neutral.toml`` of a domain: the words that references use around the spans of slots.

    python -m experiments.claims.learn restaurant REFERENCES.csv

Only references that say exactly their MR teach. A content word is kept beside the slots with which
``--min-count`` of them have it. Words in ``refused`` of the file are never kept: a person has put
them there, because references of the E2E corpora make claims of their own ("a great place").
"""

from __future__ import annotations

import argparse
import csv
import tomllib
from collections import Counter
from pathlib import Path

from d2t.io.resources import data_root
from d2t.mr.domain import load_domain
from d2t.mr.domain_files import NEUTRAL, toml_key
from d2t.mr.parse import parse_mr
from d2t.slots.checker import SlotChecker
from d2t.slots.claims import EDGE, function_words, gaps

_HEAD = """\
# Words of neutral frames around the spans of slots, written by
# `python -m experiments.claims.learn` from references that say exactly their MR. Each word has the
# slots beside which it is neutral in a sentence ("edge": a sentence without a slot), and the number
# of references. Written by hand and kept: `refused` (frequent words that claim something),
# `anywhere` (generic words that claim nothing), `complete` (words that finish a statement about
# the slot before them) and `beside` (rarer neutral words of each slot).
"""


def count(domain_name: str, path: Path) -> tuple[Counter[str], dict[str, Counter[str]]]:
    """In how many references each content word stands, and beside which slots."""
    domain = load_domain(domain_name)
    checker = SlotChecker.for_domain(domain)
    neutral = function_words()
    total: Counter[str] = Counter()
    beside: dict[str, Counter[str]] = {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        for row in csv.DictReader(stream):
            report = checker.check(row["ref"], parse_mr(row["mr"], domain), merge_synonyms=True)
            if not report.ok:
                continue
            tokens = checker.lexicon.tokenizer(row["ref"])
            seen: set[tuple[str, str]] = set()
            for gap in gaps(tokens, report.spans):
                words = {w for w in tokens.words[gap.first : gap.end] if w.isalpha()} - neutral
                seen |= {(word, slot) for word in words for slot in gap.neighbours(report.spans)}
            total.update({word for word, _ in seen})
            for word, slot in seen:
                beside.setdefault(word, Counter())[slot] += 1
    return total, beside


def main() -> None:
    """Read the arguments and write the file into the folder of the shipped domain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("domain")
    parser.add_argument("references", type=Path)
    parser.add_argument("--min-count", type=int, default=8)
    options = parser.parse_args()
    path = data_root() / options.domain / NEUTRAL
    kept = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    hand = {key: sorted(set(kept.get(key, ()))) for key in ("refused", "anywhere", "complete")}
    left_out = {*hand["refused"], *hand["anywhere"]}
    total, beside = count(options.domain, options.references)
    lines = [_HEAD, *(f"{key} = {_words(words)}" for key, words in hand.items())]
    lines += ["", "[beside]"]
    for slot, words in sorted(kept.get("beside", {}).items()):
        lines.append(f"{toml_key(slot)} = {_words(sorted(set(words)))}")
    lines += ["", "[words]"]
    for word, number in sorted(total.items(), key=lambda item: (-item[1], item[0])):
        slots = [slot for slot, n in beside[word].most_common() if n >= options.min_count]
        if word not in left_out and slots and slots != [EDGE]:
            lines.append(f"{word} = {_words(sorted(slots))}  # {number}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _words(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


if __name__ == "__main__":
    main()
