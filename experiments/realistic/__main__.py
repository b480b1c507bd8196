"""``python -m experiments.realistic``: texts for realistic records, read by people who are blind.

``dev.jsonl`` and ``test.jsonl`` hold 320 records each: restaurants of the world, half of whose
values are outside the corpus, with and without an order that is asked for. ``draw`` takes output
files of ``d2t generate`` for one of them and writes ``items-N.jsonl`` (record, plan and text, in
random order) and, apart from them, ``key.json`` (whose text it is). A reader writes
``verdicts-N.jsonl`` without having seen the key::

    {"n": 0, "english": "good", "true": "yes", "why": ""}

``english`` is ``good`` (a person could have written it), ``plain`` (correct, but one would rather
rewrite it) or ``broken`` (an error of grammar or of the choice of words); ``true`` is ``yes`` where
the text says exactly the facts of the record. ``report`` writes ``table.md``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from d2t.errors import DataError, UsageError
from d2t.io.atomic import atomic_write, atomic_write_json, atomic_write_text
from d2t.mr.domain import load_domain
from d2t.mr.reader import read_fields
from d2t.score.report.report import markdown_table
from d2t.seeding import derived_rng
from experiments.engine.processes import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RECORDS = Path(__file__).parent
ENGLISH = ("good", "plain", "broken")
KEY = "key.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, or report."""
    line = argparse.ArgumentParser(prog="python -m experiments.realistic", description=__doc__)
    line.add_argument("do", choices=("draw", "report"))
    line.add_argument("folder", type=Path)
    line.add_argument("outputs", nargs="*", help="NAME=FILE of `d2t generate`, for draw")
    line.add_argument("--records", type=Path, default=RECORDS / "dev.jsonl")
    line.add_argument("--sample", type=int, default=150, help="records that are read")
    line.add_argument("--readers", type=int, default=2, help="parts, one for each reader")
    line.add_argument("--seed", type=int, default=1)
    args = line.parse_args(argv)

    def run() -> int:
        if args.do == "draw":
            outputs = dict(name.split("=", 1) for name in args.outputs if "=" in name)
            if not outputs:
                raise UsageError("draw needs output files: NAME=FILE")
            draw(args.folder, outputs, args.records, args.sample, args.readers, args.seed)
        else:
            text = report(args.folder)
            atomic_write_text(args.folder / "table.md", text)
            print(text)
        return 0

    return exit_code(run)


def draw(
    folder: Path, outputs: dict[str, str], records: Path, sample: int, readers: int, seed: int
) -> None:
    """Write the items of each reader, and the key.

    Raises:
        DataError: an output file lacks a record.
    """
    domain = load_domain("restaurant")
    given = {record["id"]: record for record in _lines(records)}
    texts = {name: {o["id"]: o for o in _lines(Path(file))} for name, file in outputs.items()}
    rng = derived_rng(seed, "realistic")
    chosen = rng.sample(sorted(given), min(sample, len(given)))
    items: list[dict[str, Any]] = []
    key: list[dict[str, Any]] = []
    for identity in chosen:
        record = given[identity]
        facts = {slot: value for slot, value in record.items() if slot not in ("id", "plan")}
        mr = read_fields(record, domain).require_mr()
        listed = not any(domain.slot(slot.name).is_unseen(slot.value) for slot in mr.slots)
        for name, said in texts.items():
            if identity not in said:
                raise DataError(f"{outputs[name]} has no text for record {identity}")
            output = said[identity]
            if not output.get("text"):
                continue
            items.append({"record": facts, "plan": record.get("plan"), "text": output["text"]})
            key.append(
                {
                    "system": name,
                    "id": identity,
                    "plan": "plan" if record.get("plan") else "no plan",
                    "values": "listed" if listed else "new",
                    "status": output["status"],
                    "stage": output.get("stage"),
                }
            )
    order = list(range(len(items)))
    rng.shuffle(order)
    for reader in range(readers):
        with atomic_write(folder / f"items-{reader + 1}.jsonl") as out:
            for n in order[reader::readers]:
                out.write(json.dumps({"n": n, **items[n]}, ensure_ascii=False) + "\n")
    atomic_write_json(folder / KEY, {"records": records.name, "items": key})


def report(folder: Path) -> str:
    """The table of what the readers found, with 95% Wilson intervals for the shares.

    Raises:
        DataError: a verdict is missing or malformed.
    """
    key = json.loads((folder / KEY).read_text("utf-8"))["items"]
    verdicts = {v["n"]: v for file in folder.glob("verdicts-*.jsonl") for v in _lines(file)}
    groups: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for n, item in enumerate(key):
        if n not in verdicts or verdicts[n]["english"] not in ENGLISH:
            raise DataError(f"{folder}: no verdict of English for item {n}")
        verdict = verdicts[n]
        for group in ("all", item["plan"], f"{item['plan']}, {item['values']} values"):
            counts = groups[item["system"], group]
            counts[verdict["english"]] += 1
            counts["untrue"] += verdict["true"] != "yes"
    rows = [
        [system, group, str(n), *(_share(counts[kind], n) for kind in (*ENGLISH, "untrue"))]
        for (system, group), counts in sorted(groups.items())
        if (n := sum(counts[kind] for kind in ENGLISH))
    ]
    return markdown_table(
        ["system", "records", "texts", *(f"{k} %" for k in (*ENGLISH, "untrue"))], rows
    )


def _share(k: int, n: int, z: float = 1.96) -> str:
    """``k`` of ``n`` in per cent with its Wilson interval (Wilson 1927)."""
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{100 * p:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    raise SystemExit(main())
