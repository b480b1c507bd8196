"""``python -m experiments.verified``: verified generation of ten random plans of every test MR.

Says each request greedily and by verified generation, in one run, chunk by chunk in turn, so that
their times compare. Then the same for invented places. Writes one JSON per model.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.generate.verified import VerifiedGenerator
from d2t.io.atomic import atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.manifest import run_manifest
from d2t.mr.parse import unseen_values
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.plan.untrained import random_plan, random_plans
from d2t.seeding import derived_rng
from d2t.slots.types import Tally
from experiments.engine.rows import RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from d2t.generate.pipeline import ModelGenerator
    from d2t.generate.types import Hypothesis
    from d2t.mr.domain import Domain


_PARTS = Path(__file__).with_name("invented.toml")
_UNSEEN = 0.5
"""Share of the closed slots that get a value which the domain does not list."""


def invented_requests(domain: Domain, n: int, seed: int) -> list[GenerationRequest]:
    """``n`` requests of 3 to all slots, each in a random order.

    Names and landmarks are all invented, and half of the values of the closed slots for which
    ``invented.toml`` has values.
    """
    parts = tomllib.loads(_PARTS.read_text(encoding="utf-8"))
    return list(_requests(domain, parts, n, seed))


def _requests(
    domain: Domain, parts: dict[str, Any], n: int, seed: int
) -> Iterator[GenerationRequest]:
    for number in range(n):
        rng = derived_rng(seed, "invented", number)
        size = rng.randint(3, len(domain.slots))
        names = rng.sample(domain.slot_names, size)
        slots = []
        for spec in domain.slots:
            if spec.name not in names:
                continue
            if spec.kind == "open":
                value = _composed(parts, spec.name, rng)
            elif spec.name in parts["values"] and rng.random() < _UNSEEN:
                value = rng.choice(parts["values"][spec.name])
            else:
                value = rng.choice(spec.values)
            slots.append(Slot(spec.name, value))
        mr = MeaningRepresentation(tuple(slots), domain.default_dialogue_act)
        yield GenerationRequest(f"invented-{number}", mr, random_plan(mr, rng))


def _composed(parts: dict[str, Any], name: str, rng: Random) -> str:
    pattern = rng.choice(parts[name]["patterns"])
    chosen = {kind: rng.choice(words) for kind, words in parts["parts"].items()}
    return str(pattern.format(**chosen))


_CHUNK = 2048
_SHOWN = 20


@dataclass
class Measurement:
    """What became of one set of requests.

    Attributes:
        greedy_s, verified_s: wall time of either way; the verified one says everything anew.
        by_stage: texts by the stage that gave them.
        returned: slot errors of texts that are ``ok`` or ``repaired``.
        out_of_order: those of them that leave the order asked for.
        letters: values that should be copied and are not in a returned text letter for letter (a
            capital at the beginning of a sentence aside).
    """

    n: int = 0
    greedy_s: float = 0.0
    verified_s: float = 0.0
    greedy_ok: int = 0
    by_stage: Counter[str] = field(default_factory=Counter)
    returned: Tally = field(default_factory=Tally)
    out_of_order: int = 0
    letters: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    repaired: list[tuple[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, with shares in %."""
        good = self.n - self.by_stage["failed"]
        return {
            "requests": self.n,
            "greedy_ok": round(100 * self.greedy_ok / self.n, 3),
            "ok_or_repaired": round(100 * good / self.n, 3),
            "by_stage": dict(self.by_stage.most_common()),
            "ser_of_returned": self.returned.ser,
            "out_of_order": self.out_of_order,
            "not_letter_for_letter": len(self.letters),
            "greedy_s": round(self.greedy_s, 1),
            "verified_s": round(self.verified_s, 1),
            "ratio": round(self.verified_s / self.greedy_s, 3),
            "verified_per_s": round(self.n / self.verified_s, 1),
            "letters": self.letters[:_SHOWN],
            "failed": self.failed[:_SHOWN],
            "repaired": self.repaired[:_SHOWN],
        }


def measure(generator: ModelGenerator, requests: Sequence[GenerationRequest]) -> Measurement:
    """Say all requests both ways, in turn."""
    found = Measurement()
    verified = VerifiedGenerator(generator)
    for number, start in enumerate(range(0, len(requests), _CHUNK)):
        chunk = requests[start : start + _CHUNK]
        greedy: list[Hypothesis] = []
        proved: list[Hypothesis] = []
        for way in ("greedy", "verified") if number % 2 else ("verified", "greedy"):
            started = time.perf_counter()
            if way == "greedy":
                greedy = generator.generate(chunk)
                found.greedy_s += time.perf_counter() - started
            else:
                proved = verified.generate(chunk)
                found.verified_s += time.perf_counter() - started
        found.n += len(chunk)
        found.greedy_ok += sum(h.status == "ok" and h.order_kept for h in greedy)
        for hypothesis in proved:
            _count(found, hypothesis, generator.domain)
        print(f"{found.n} of {len(requests)}: {dict(found.by_stage)}", file=sys.stderr)
    return found


def _count(found: Measurement, said: Hypothesis, domain: Domain) -> None:
    shown = ", ".join(map(str, said.plan.slots)), said.text
    found.by_stage[said.stage or said.status] += 1
    if said.status == "failed":
        found.failed.append(shown)
        return
    if said.status == "repaired":
        found.repaired.append(shown)
    found.returned.add(said.report)
    found.out_of_order += said.order_kept is False
    copied = {slot for slot in said.mr.slots if domain.slot(slot.name).kind == "open"}
    found.letters += [
        (str(slot), said.text)
        for slot in copied | set(unseen_values(said.mr, domain))
        if not any(value in said.text for value in (slot.value, _capital(slot.value)))
    ]


def _capital(value: str) -> str:
    """As at the beginning of a sentence."""
    return value[:1].upper() + value[1:]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and write ``experiments/results/verified/ENGINE.json``."""
    line = argparse.ArgumentParser(prog="python -m experiments.verified", description=__doc__)
    line.add_argument("--model", type=Path, help="a bundle; default: the model that ships")
    line.add_argument("--engine", choices=["torch", "ctranslate2"], default="ctranslate2")
    line.add_argument("--corpus", default="e2e_cleaned")
    line.add_argument("--split", choices=["dev", "test"], default="test")
    line.add_argument("--permutations", type=int, default=10)
    line.add_argument("--invented", type=int, default=500)
    line.add_argument("--limit", type=int, help="MRs of the corpus")
    line.add_argument("--seed", type=int, default=20201116, help="of plans and invented MRs")
    line.add_argument("--threads", type=int)
    line.add_argument("--out", type=Path, help="default: experiments/results/verified/ENGINE.json")
    args = line.parse_args(argv)
    started = time.time()
    generator = load(args.model, engine=args.engine, threads=args.threads)
    groups = group_references(load_split(args.corpus, args.split, generator.domain))[: args.limit]
    requests = [
        GenerationRequest(f"{example.id}-{number}", example.mr, plan)
        for example in groups
        for number, plan in enumerate(random_plans(example.mr, args.permutations, args.seed))
    ]
    metrics = {"random plans": measure(generator, requests).as_dict()}
    invented = invented_requests(generator.domain, args.invented, args.seed)
    metrics["invented values"] = measure(generator, invented).as_dict()
    config = {key: str(value) for key, value in vars(args).items() if key != "out"}
    bundle = generator.bundle.path
    manifest = run_manifest(
        command=["python", "-m", "experiments.verified"],
        config=config,
        data={} if bundle is None else {"d2t.json": sha256_file(bundle / "d2t.json")},
        seeds=[args.seed],
        started=started,
        metrics=metrics,
    )
    out = args.out or RESULTS / "verified" / f"{args.engine}.json"
    atomic_write_json(out, manifest)
    print(json.dumps(metrics, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
