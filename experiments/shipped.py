"""``python -m experiments.shipped``: make the model that ships with d2t, from a row of the table.

Takes the row's bundle, puts the neural planner of its data beside the bigram planner, the test
scores of the row and the licence of the corpus into the model card, and exports it for the fast
engine, which is refused when it does not say the development MRs as well as torch does. Values that
are rare in the training data are made values to be copied (the inventory of values is fitted anew:
rows of before 21 November 2026 took three MRs for enough).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.errors import D2TError
from d2t.generate.export import Quantization, export_bundle
from d2t.io.resources import shipped_model
from d2t.linearize.source import Inventory
from d2t.model.bundle.network import Bundle
from d2t.plan.neural import NeuralPlanner
from d2t.train.data.prepare import prepare_data
from d2t.train.loop.assemble import text_habits
from experiments.engine.processes import exit_code
from experiments.engine.rows import ERRORS, RESULTS
from experiments.reproduction.__main__ import HERE
from experiments.reproduction.config import Table
from experiments.reproduction.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from experiments.reproduction.config import Row

LICENCE = (
    "Trained on the cleaned E2E corpus (Dušek et al. 2019; E2E NLG Challenge, Novikova et al. "
    "2017), which is under CC BY-SA 4.0; the weights are offered under CC BY-SA 4.0 too."
)
LARGEST_MB = 12.0
SETTINGS = {
    "neural": "the planner's orders",
    "own": "the bigram planner's orders",
    "random": "10 random orders of each MR",
    "oracle-sentences": "the references' orders and sentences",
}
"""Of the row's scores, and what the card calls them."""
METRICS = (
    "bleu", "slot_error_rate", "exact_utterances", "order_accuracy", "sentence_plan",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Write the bundle; print its path on stdout, what was measured on stderr."""
    line = argparse.ArgumentParser(prog="python -m experiments.shipped", description=__doc__)
    line.add_argument("row", nargs="?", default="transformer-at-both")
    line.add_argument("--out", type=Path, default=shipped_model())
    line.add_argument("--limit", type=int, default=1000, help="development MRs of the export")
    line.add_argument(
        "--quantization", choices=get_args(Quantization), default="int8",
        help="storage of the fast engine's weights (bfloat16: computed in float32 on most CPUs)",
    )  # fmt: skip
    args = line.parse_args(argv)

    def run() -> int:
        ship(args.row, args.out, args.limit, args.quantization)
        print(args.out)
        return 0

    return exit_code(run)


def ship(name: str, out: Path, limit: int, quantization: Quantization) -> None:
    """Make the bundle of row ``name`` at ``out``.

    Raises:
        DataError: the row is not trained here.
        BackendError: the export is not good enough.
    """
    table = Table.read(HERE / "table.toml")
    workspace = Workspace(table, Path("runs") / table.results, RESULTS / table.results)
    row = table.row(name)
    bundle = Bundle.load(workspace.folder(row) / workspace.training(row)["bundle"])
    data = prepare_data(table.train_config(row).data)
    bundle.linearizer.inventory = Inventory.fit([p.example for p in data.train], bundle.domain)
    bundle.neural_planner = NeuralPlanner.load(
        workspace.asset(workspace.made_of_data("planner", row))
    )
    bundle.decode_defaults = {**bundle.decode_defaults, **text_habits(data)}
    bundle.info = {
        **bundle.info,
        "metrics": test_metrics(workspace, row),
        "confusions": slot_errors(workspace.scores(row)["scores"]),
        "row": f"{row.label} (experiments/results/{table.results}/rows/{row.name}.json)",
        "licence": LICENCE,
    }
    bundle.save(out, weights="fp16")
    corpus = table.train_config(row).data.corpus
    dev = group_references(load_split(corpus, "dev", bundle.domain))[:limit]
    report = export_bundle(out, quantization, dev, say=lambda text: print(text, file=sys.stderr))
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    print(report, f"{size:.1f} MB in all", sep="\n", file=sys.stderr)
    if size > LARGEST_MB:
        raise D2TError(f"the bundle has {size:.1f} MB; at most {LARGEST_MB:g} ship")


def test_metrics(workspace: Workspace, row: Row) -> dict[str, Any]:
    """Greedy test scores by setting, each with its signature."""
    content = workspace.scores(row)
    found: dict[str, Any] = {}
    for key, entry in content["scores"].items():
        _, setting, decoder = key.split("/")
        if setting in SETTINGS and decoder == "greedy":
            for metric in METRICS:
                if metric in entry["metrics"]:
                    score = round(entry["metrics"][metric]["score"], 2)
                    signature = content["signatures"][metric]
                    found[f"test, greedy, {SETTINGS[setting]}: {signature}"] = score
    return found


def slot_errors(scores: Mapping[str, Any]) -> dict[str, str]:
    """What the checker found by slot in greedy texts of random orders, the worst slots first.

    Args:
        scores: of a row's file, by ``corpus/setting/decoder``.
    """
    entry = next(entry for key, entry in scores.items() if key.endswith("/random/greedy"))
    found = {
        slot: ", ".join(f"{n} {kind}" for n, kind in zip(counts, ERRORS, strict=True) if n)
        for slot, counts in sorted(entry["slots"].items(), key=lambda item: -sum(item[1]))
        if any(counts)
    }
    said = f"{entry['n_records']:,} greedy texts, random orders of test MRs, before verification"
    return {said: "", **found}


if __name__ == "__main__":
    sys.exit(main())
