"""``python -m experiments.shapes``: how fast the shapes of a table are, beside how good they are.

Reads what ``python -m experiments.table experiments/shapes/shapes.toml`` trained and scored, and
times CTranslate2 int8 exports of all rows in turn over the same records: greedy search with its
check, one thread. One more system says what restricting the vocabulary could gain at most: the
first row, with no more than the pieces that its own answers need.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from d2t.errors import DataError
from d2t.generate.load import load
from d2t.generate.pipeline import ModelGenerator
from d2t.io.atomic import atomic_write_json, atomic_write_text
from d2t.io.manifest import run_manifest
from d2t.search.ct2_backend import CTranslate2Backend, Parallelism
from experiments.bench.generation import Options, exported, make_pool
from experiments.bench.timing import single_requests, throughput
from experiments.engine.processes import exit_code
from experiments.engine.rows import RESULTS
from experiments.engine.steps import read_json
from experiments.engine.table import spread, table_lines
from experiments.table import TableConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.model.bundle.network import Bundle
    from d2t.model.bundle.parts import BundleParts
    from d2t.search.backend import EncodedSource, SearchResult
    from experiments.bench.generation import Pool
    from experiments.engine.rows import Row


_MAP = "vmap.txt"
"""Where the engine looks for target pieces by source pieces; those of "" are always there."""


def restricted_generator(
    bundle: BundleParts, folder: Path, pieces: Sequence[str]
) -> ModelGenerator:
    """The model in ``folder``, which may generate nothing but ``pieces`` (and symbols).

    A map by source pieces would allow more pieces than these: they are what the answers need.
    """
    (folder / _MAP).write_text("\t" + " ".join(pieces) + "\n", encoding="utf-8")
    return ModelGenerator(bundle, backend=_Restricted(bundle, folder, parallelism=Parallelism()))


class _Restricted(CTranslate2Backend):
    def _translate(
        self, sources: Sequence[EncodedSource], *, max_length: int, translator: Any = None,
        **options: Any,
    ) -> list[list[SearchResult]]:  # fmt: skip
        return super()._translate(
            sources, max_length=max_length, translator=translator, use_vmap=True, **options
        )


HERE = Path(__file__).resolve().parent
QUALITY = (
    ("own", "bleu", "BLEU"), ("own", "slot_error_rate", "SER own"),
    ("random", "slot_error_rate", "SER random"), ("random", "order_accuracy", "order random"),
)  # fmt: skip
"""Setting, metric and heading of what is said of a row's quality."""
RESTRICTED = "no more pieces than needed"


def main(argv: Sequence[str] | None = None) -> int:
    """Time the rows that are trained; print the table on stderr, the folder on stdout."""
    line = argparse.ArgumentParser(prog="python -m experiments.shapes", description=__doc__)
    line.add_argument("--table", type=Path, default=HERE / "shapes.toml")
    line.add_argument("--runs", type=Path, help="run folders (default: runs/<results>)")
    line.add_argument("--out", type=Path, help="default: experiments/results/<results>")
    line.add_argument("--rounds", type=int, default=5, help="turns of every system")
    line.add_argument("--seconds", type=float, default=3.0, help="of a turn")
    line.add_argument("--pool", type=int, default=2048, help="distinct records")
    args = line.parse_args(argv)
    return exit_code(partial(run, args))


def run(args: argparse.Namespace) -> int:
    """What the options ask for.

    Raises:
        DataError: no row is trained and scored.
    """
    started = time.time()
    table = TableConfig.read(args.table)
    runs = args.runs or Path("runs") / table.results
    rows = [row for row in table.rows if (runs / row.name / "scores-random.json").is_file()]
    if not rows:
        raise DataError(
            f"{runs}: no row is trained and scored; run "
            f"`python -m experiments.table {args.table}` first"
        )
    options = Options(
        model=_bundle(runs, rows[0]), corpus=table.train["data"]["corpus"], threads=1,
        rounds=args.rounds, seconds=args.seconds, pool=args.pool, singles=args.pool,
    )  # fmt: skip
    found = measure(rows, runs, options)
    manifest = run_manifest(
        command=["python", "-m", "experiments.shapes"],
        config={"table": table.model_dump(mode="json"), "options": options.as_dict()},
        data={},
        seeds={"requests": options.seed},
        started=started,
        metrics={"shapes": found},
    )
    out = args.out or RESULTS / table.results
    text = markdown(table.title, found)
    atomic_write_json(out / "speed.json", manifest)
    atomic_write_text(out / "speed.md", text)
    print(text, file=sys.stderr)
    print(out)
    return 0


def measure(rows: Sequence[Row], runs: Path, options: Options) -> list[dict[str, Any]]:
    """One entry for each row, and one for the first with a restricted vocabulary."""
    with tempfile.TemporaryDirectory() as scratch:
        generators = {}
        for row in rows:
            bundle = cast("Bundle", load(_bundle(runs, row), engine="torch").bundle)
            generators[row.label] = exported(bundle, "int8", Path(scratch) / row.name, 1)
        first = generators[rows[0].label]
        pool = make_pool(options, first)
        folder = Path(shutil.copytree(Path(scratch) / rows[0].name, Path(scratch) / "restricted"))
        pieces = _needed(first, pool)
        generators[RESTRICTED] = restricted_generator(first.bundle, folder, pieces)
        systems = [
            pool.system(name, generator.batch_size, generator.generate, whole=True)
            for name, generator in generators.items()
        ]
        rates = throughput(systems, pool, options)
        single = single_requests(systems, pool, options)
    found = [
        {**rate, "p50_ms": request["p50_ms"], "p95_ms": request["p95_ms"]}
        for rate, request in zip(rates, single, strict=True)
    ]
    for row, entry in zip(rows, found, strict=False):  # the restricted one has no row
        entry |= _quality(row, runs)
    return found


def _bundle(runs: Path, row: Row) -> Path:
    return runs / row.name / "training" / "bundle"


def _needed(generator: ModelGenerator, pool: Pool) -> list[str]:
    """The pieces of the generator's own greedy answers to the pool, the frequent ones first."""
    tokenizer = generator.bundle.tokenizer
    counts = Counter[int]()
    for found in generator.with_beam(1).candidates(pool.requests):
        counts.update(tokenizer.encode_target(found[0].template))
    return tokenizer.pieces([piece for piece, _ in counts.most_common()])


def _quality(row: Row, runs: Path) -> dict[str, Any]:
    """Development scores of a row, its size, and what its training came to."""
    reports = {
        setting: read_json(runs / row.name / f"scores-{setting}.json")
        for setting in {setting for setting, _, _ in QUALITY}
    }
    run = read_json(runs / row.name / "training" / "run.json")
    return {
        "row": row.name,
        "scores": {
            heading: reports[setting]["report"]["metrics"][metric]
            for setting, metric, heading in QUALITY
        },
        "training": {key: run[key] for key in ("git", "seeds", "metrics", "train_wall_s")},
    }


def markdown(title: str, found: Sequence[dict[str, Any]]) -> str:
    """Speed relative to the first row, and quality."""
    headings = [heading for _, _, heading in QUALITY]
    body = [
        [
            entry["system"],
            f"{entry['sentences_per_s']:.0f}",
            f"{entry['sentences_per_s'] / found[0]['sentences_per_s']:.2f}",
            f"{entry['p50_ms']:.2f}",
            *(spread([entry.get("scores", {}).get(heading)]) for heading in headings),
        ]
        for entry in found
    ]
    said = "CTranslate2 int8, one thread, greedy with its check; scores on development data."
    heads = ["shape", "sentences/s", "of the first", "p50 ms", *headings]
    return "\n".join([f"# {title}", "", said, "", *table_lines(heads, body)])


if __name__ == "__main__":
    sys.exit(main())
