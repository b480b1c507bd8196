"""How many planted claims are found, and how many faithful texts get one.

    python -m experiments.claims.measure REFERENCES.csv OUTPUTS.jsonl [--held-out] [--show]

Claims of ``planted.toml`` are planted into references that say exactly their MR
and have no claim, and into texts of ``d2t generate``. A random half of the kinds is held out:
tuning does not look at it.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import time
import tomllib
from pathlib import Path

from d2t.mr.domain import load_domain
from d2t.mr.parse import parse_mr
from d2t.mr.types import MeaningRepresentation
from d2t.slots.checker import SlotChecker

Pair = tuple[MeaningRepresentation, str]
_HEAD = re.compile(r"\b(place|venue|establishment|restaurant|pub|coffee shop)\b", re.IGNORECASE)
PER_CLAIM = 3


def plant(text: str, claim: str) -> tuple[str, int, int] | None:
    """The text with the claim, and where it stands."""
    if claim.endswith(" _"):
        words = claim.removesuffix("_")
        head = _HEAD.search(text)
        at = None if head is None else head.start()
    elif claim[0].isupper():
        words, text = " " + claim, text.rstrip()
        at = len(text)
    else:
        words, text = " " + claim, text.rstrip()
        at = len(text) - text.endswith(".")
    return None if at is None else (text[:at] + words + text[at:], at, at + len(words))


def held_out(kinds: list[str]) -> set[str]:
    """The half of the kinds that nobody looks at."""
    return set(random.Random(22).sample(kinds, len(kinds) // 2))


def main() -> None:
    """Print the table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("references", type=Path)
    parser.add_argument("outputs", type=Path)
    parser.add_argument("--held-out", action="store_true", help="also measure the held-out kinds")
    parser.add_argument("--show", type=int, default=0, help="print so many misses and false alarms")
    options = parser.parse_args()
    domain = load_domain("restaurant")
    checker = SlotChecker.for_domain(domain)
    with options.references.open(newline="", encoding="utf-8-sig") as stream:
        rows = [(parse_mr(row["mr"], domain), row["ref"]) for row in csv.DictReader(stream)]
    lines = [json.loads(line) for line in options.outputs.read_text("utf-8").splitlines()]
    outputs = [(parse_mr(line["mr"], domain), line["text"]) for line in lines if line.get("text")]
    rng = random.Random(1)
    table: dict[str, object] = {}
    plain: dict[str, list[Pair]] = {"references": [], "outputs": []}
    for source, pairs in (("references", rows), ("outputs", outputs)):
        reports = [(pair, checker.check(pair[1], pair[0])) for pair in pairs]
        exact = [(pair, report) for pair, report in reports if report.ok]
        alarms = [report for _, report in exact if report.unsupported]
        plain[source] = [pair for pair, report in exact if report.proved]
        table[source] = {
            "texts": len(pairs), "exact": len(exact), "with_claim": len(alarms),
            "share": round(100 * len(alarms) / max(1, len(exact)), 2),
        }  # fmt: skip
        for report in rng.sample(alarms, min(options.show, len(alarms))):
            print(source, report.claims_in_words(), "|", report.alignment.text)
    planted = tomllib.loads(Path(__file__).with_name("planted.toml").read_text("utf-8"))
    hidden = held_out(sorted(planted))
    for name, kinds in (("tuned", set(planted) - hidden), ("held_out", hidden)):
        if name == "held_out" and not options.held_out:
            continue
        found = claims_found = total = 0
        missed: dict[str, int] = {}
        for kind in sorted(kinds):
            for claim in planted[kind]:
                for source in ("references", "outputs"):
                    hosts = (plant(text, claim) for _, text in plain[source])
                    if not any(hosts):
                        continue
                    done = 0
                    while done < PER_CLAIM:
                        mr, text = rng.choice(plain[source])
                        host = plant(text, claim)
                        if host is None:
                            continue
                        done += 1
                        report = checker.check(host[0], mr)
                        claimed = any(
                            c.start < host[2] and host[1] < c.end for c in report.unsupported
                        )
                        # What is read as a slot that the MR has not is no claim but an error.
                        hit = claimed or not report.ok
                        claims_found += claimed
                        found, total = found + hit, total + 1
                        if not hit:
                            missed[f"{kind}: {claim}"] = missed.get(f"{kind}: {claim}", 0) + 1
        table[name] = {
            "kinds": len(kinds), "claims": sum(len(planted[kind]) for kind in kinds),
            "planted": total, "found": found, "as_claims": claims_found,
            "share": round(100 * found / total, 2),
        }  # fmt: skip
        if options.show and name == "tuned":
            print(missed)
    start = time.process_time()
    for _, text in rows[:1000]:
        checker.align(text)
    aligned = time.process_time() - start
    alignments = [(checker.lexicon.tokenizer(text), checker.align(text)) for _, text in rows[:1000]]
    start = time.process_time()
    for tokens, alignment in alignments:
        checker.claims_of(tokens, alignment)
    table["share_of_time"] = round(100 * (time.process_time() - start) / aligned, 1)
    print(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
