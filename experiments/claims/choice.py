"""The rules of ``d2t.slots.claims`` against an n-gram model and a small tagger.

    python -m experiments.claims.choice TRAIN.csv DEV.csv OUTPUTS.jsonl

Claims of ``fresh.toml`` are planted into dev references without a claim. The tagger is trained on
train references with claims of half of the kinds; the other half is measured apart. All flag the
same share of the exact dev references, so that their false alarms are equally frequent.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import time
import tomllib
import zlib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from d2t.language.ngram import NgramLanguageModel
from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import MeaningRepresentation
from d2t.slots.checker import SlotChecker
from d2t.slots.claims import function_words
from experiments.claims.measure import held_out, plant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d2t.mr.domain import Domain
    from d2t.slots.types import SlotReport

PER_CLAIM = 3
EPOCHS = 4
_BUCKETS = 1 << 20


def pieces(checker: SlotChecker, report: SlotReport) -> list[tuple[str, int]]:
    """Words outside spans with their offsets, and one stand-in for each span (offset -1)."""
    tokens = checker.lexicon.tokenizer(report.alignment.text)
    found: list[tuple[str, int]] = []
    spans = list(report.spans)
    for word, start in zip(tokens.words, tokens.starts, strict=True):
        while spans and spans[0].end <= start:
            spans.pop(0)
        if spans and spans[0].start <= start:
            stand_in = "x" + spans[0].slot.name.replace(" ", "").lower()
            if not found or found[-1] != (stand_in, -1):
                found.append((stand_in, -1))
        else:
            found.append((word, start))
    return found


class Tagger:
    """An averaged perceptron over hashed features of a word and its neighbours."""

    def __init__(self) -> None:
        self._weights: dict[int, float] = defaultdict(float)
        self._sums: dict[int, float] = defaultdict(float)
        self._seen: dict[str, int] = defaultdict(int)
        self._steps = 1

    def features(self, words: Sequence[str], at: int) -> list[int]:
        """Numbers of the features of the word at a place."""
        padded = ["<", "<", *words, ">", ">"]
        b2, b1, word, a1, a2 = padded[at : at + 5]
        often = min(self._seen.get(word, 0), 200).bit_length()
        named = (
            f"w{word}", f"b{b1}", f"a{a1}", f"wb{b1} {word}", f"wa{word} {a1}", f"bb{b2} {b1}",
            f"aa{a1} {a2}", f"s{word[-3:]}", f"n{often}", f"nb{often} {b1}", f"na{often} {a1}", "1",
        )  # fmt: skip
        return [zlib.crc32(name.encode()) % _BUCKETS for name in named]

    def train(self, texts: Sequence[tuple[list[str], list[bool | None]]]) -> None:
        """Learn from words with labels; no label (None) is a stand-in."""
        for words, labels in texts:
            for word, label in zip(words, labels, strict=True):
                self._seen[word] += label is False
        rng = random.Random(3)
        order = list(texts)
        for _ in range(EPOCHS):
            rng.shuffle(order)
            for words, labels in order:
                for at, label in enumerate(labels):
                    if label is None:
                        continue
                    features = self.features(words, at)
                    score = sum(self._weights[f] for f in features)
                    if (score > 0) != label:
                        step = 1.0 if label else -1.0
                        for feature in features:
                            self._weights[feature] += step
                            self._sums[feature] += step * self._steps
                    self._steps += 1
        for feature, total in self._sums.items():
            self._weights[feature] -= total / self._steps

    def score(self, words: Sequence[str], at: int) -> float:
        """How sure it is that the word claims something."""
        return sum(self._weights.get(f, 0.0) for f in self.features(words, at))


def read(path: Path, domain: Domain, checker: SlotChecker, limit: int) -> list[SlotReport]:
    """Reports of the references that say exactly their MR."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    random.Random(5).shuffle(rows)
    reports = (checker.check(r["ref"], parse_mr(r["mr"], domain)) for r in rows[:limit])
    return [report for report in reports if report.ok]


def plant_inside(report: SlotReport, claim: str, rng: random.Random) -> str | None:
    """The text with the claim at the beginning or behind a span that is not the last."""
    text, spans = report.alignment.text, report.spans
    if claim.endswith(" _") or len(spans) < 3:
        return None
    if claim[0].isupper():
        return f"{claim} {text}"
    at = rng.choice(spans[:-1]).end
    return f"{text[:at]} {claim}{text[at:]}"


def main() -> None:
    """Print the table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("dev", type=Path)
    parser.add_argument("outputs", type=Path)
    options = parser.parse_args()
    domain = load_domain("restaurant")
    checker = SlotChecker.for_domain(domain)
    raw = tomllib.loads(Path(__file__).with_name("fresh.toml").read_text("utf-8"))
    kinds = {kind: claims.split("|") for kind, claims in raw.items()}
    hidden = held_out(sorted(kinds))
    train = read(options.train, domain, checker, 9000)
    dev = read(options.dev, domain, checker, 10**6)
    lines = [json.loads(line) for line in options.outputs.read_text("utf-8").splitlines()]
    outputs = [checker.check(line["text"], parse_mr(line["mr"], domain)) for line in lines]
    rng = random.Random(11)

    lm = NgramLanguageModel.fit([_flat(checker, report) for report in train], order=3)
    shown = [claim for kind in sorted(set(kinds) - hidden) for claim in kinds[kind]]
    examples: list[tuple[list[str], list[bool | None]]] = []
    for at, report in enumerate(train):
        host = plant(report.alignment.text, rng.choice(shown)) if at % 2 else None
        text, first, last = host or (report.alignment.text, 0, 0)
        parts = pieces(checker, report if host is None else checker.check(text, _mr(report)))
        labels = [None if start < 0 else first <= start < last for _, start in parts]
        examples.append(([word for word, _ in parts], labels))
    tagger = Tagger()
    tagger.train(examples)

    def by_rules(report: SlotReport) -> float:
        return float(bool(report.unsupported))

    def by_ngrams(report: SlotReport) -> float:
        return -float(lm.token_odds([_flat(checker, report)])[0].min())

    def by_surprise(report: SlotReport) -> float:
        return -float(lm.token_scores([_flat(checker, report)])[0].min())

    function = function_words()

    def by_tagger(report: SlotReport) -> float:
        parts = pieces(checker, report)
        words = [word for word, _ in parts]
        scores = [
            tagger.score(words, at)
            for at, (word, start) in enumerate(parts)
            if start >= 0 and word[0].isalnum() and word not in function
        ]
        return max(scores, default=-99.0)

    planted: dict[str, list[SlotReport]] = {
        "trained_kinds": [], "held_out_kinds": [], "held_out_kinds_inside": [],
    }  # fmt: skip
    hosts = [report for report in dev if report.proved]
    for kind, claims in sorted(kinds.items()):
        for claim in claims:
            done = 0
            while done < PER_CLAIM:
                report = rng.choice(hosts)
                host = plant(report.alignment.text, claim)
                if host is not None:
                    name = "held_out_kinds" if kind in hidden else "trained_kinds"
                    planted[name].append(checker.check(host[0], _mr(report)))
                    inside = plant_inside(report, claim, rng) if kind in hidden else None
                    if inside is not None:
                        planted["held_out_kinds_inside"].append(checker.check(inside, _mr(report)))
                    done += 1
    share = sum(map(by_rules, dev)) / len(dev)
    with Path(__file__).with_name("reading.csv").open(encoding="utf-8") as stream:
        judged = {int(row["row"]): row["judgement"] for row in csv.DictReader(stream)}
    with options.dev.open(newline="", encoding="utf-8-sig") as stream:
        texts = [(r["ref"], parse_mr(r["mr"], domain)) for r in csv.DictReader(stream)]
    reading = [(kind, checker.check(*texts[row])) for row, kind in judged.items()]
    methods: dict[str, Callable[[SlotReport], float]] = {
        "rules": by_rules, "ngram_odds": by_ngrams, "ngram_surprisal": by_surprise,
        "tagger": by_tagger,
    }  # fmt: skip
    table: dict[str, object] = {"exact_dev": len(dev), "flagged_share": round(100 * share, 2)}
    limits: dict[str, float] = {}
    for name, method in methods.items():
        start = time.process_time()
        scores = sorted(map(method, dev), reverse=True)
        cost = time.process_time() - start
        limits[name] = 0.5 if name == "rules" else scores[int(share * len(dev))]
        table[name] = {
            "outputs_flagged": sum(method(report) > limits[name] for report in outputs),
            **{part: _found(reports, method, limits[name]) for part, reports in planted.items()},
            "read_claims": _found([r for k, r in reading if k == "claim"], method, limits[name]),
            "read_plain": _found(
                [r for k, r in reading if k == "plain" and r.ok], method, limits[name]
            ),
            "us_per_text": None if name == "rules" else round(1e6 * cost / len(dev)),
        }
    for name in ("ngram_surprisal", "tagger"):
        either = _either(by_rules, methods[name], limits[name])
        both = {part: _found(reports, either, 0.5) for part, reports in planted.items()}
        both["flagged_share"] = round(100 * sum(map(either, dev)) / len(dev), 2)
        table[f"rules and {name}"] = both
    print(json.dumps(table, indent=2))


def _either(
    first: Callable[[SlotReport], float], second: Callable[[SlotReport], float], limit: float
) -> Callable[[SlotReport], float]:
    return lambda report: float(bool(first(report)) or second(report) > limit)


def _mr(report: SlotReport) -> MeaningRepresentation:
    """The MR of an exact text."""
    return MeaningRepresentation(tuple(dict.fromkeys(span.slot for span in report.spans)))


def _flat(checker: SlotChecker, report: SlotReport) -> str:
    return " ".join(word for word, _ in pieces(checker, report))


def _found(reports: list[SlotReport], method: Callable[[SlotReport], float], limit: float) -> float:
    """Share of texts that are flagged; those with a slot error are found by the checker."""
    return round(100 * sum(not r.ok or method(r) > limit for r in reports) / len(reports), 2)


if __name__ == "__main__":
    main()
