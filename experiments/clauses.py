"""``python -m experiments.clauses OUTPUTS...``: shares of texts with clause faults, by fault.

Verbs are read from the training references of the corpus; texts are read as ``d2t evaluate`` reads
them (JSONL with mr and text). The checker of clauses is strict (``d2t.language.habits.clauses``):
people's own references have faults too, and ``--references`` says how many.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from d2t.language.habits.clauses import ClauseChecker
from d2t.language.template import template_of, template_words
from d2t.score.records import read_evaluation_records
from d2t.train.config.options import DataConfig
from d2t.train.data.prepare import prepare_data
from experiments.engine.processes import exit_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from d2t.mr.domain import Domain
    from d2t.slots.types import Alignment


def main(argv: Sequence[str] | None = None) -> int:
    """One JSON line for each file, on stdout."""
    line = argparse.ArgumentParser(prog="python -m experiments.clauses", description=__doc__)
    line.add_argument("outputs", nargs="*", help="JSONL files")
    line.add_argument("--corpus", default="e2e_cleaned", help="whose references tell the verbs")
    line.add_argument("--references", action="store_true", help="its references too")
    args = line.parse_args(argv)

    def run() -> int:
        data = prepare_data(DataConfig(corpus=args.corpus))
        references = (
            template_words(template_of(pair.alignment, data.domain)) for pair in data.train
        )
        clauses = ClauseChecker.fit(references)
        for path in args.outputs:
            records, bad = read_evaluation_records(path, data.domain)
            read = (data.checker.align(record.text, record.mr) for record in records)
            report(path, clauses, read, data.domain, bad=len(bad))
        if args.references:
            for name, pairs in (("train", data.train), ("dev", data.dev)):
                read = (pair.alignment for pair in pairs)
                report(f"{args.corpus}, {name} references", clauses, read, data.domain)
        return 0

    return exit_code(run)


def report(
    name: str, clauses: ClauseChecker, read: Iterable[Alignment], domain: Domain, **beside: Any
) -> None:
    """Print the number of texts and the share (%) of each fault."""
    found = Counter(clauses.fault(template_words(template_of(one, domain))) for one in read)
    n = found.total()
    shares = {fault: round(100 * k / n, 2) for fault, k in found.most_common() if fault}
    faulty = round(100 * (n - found[None]) / max(1, n), 2)
    print(json.dumps({"texts": name, "n": n, "faulty": faulty, "faults": shares, **beside}))


if __name__ == "__main__":
    sys.exit(main())
