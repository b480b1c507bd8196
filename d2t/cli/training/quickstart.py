"""``d2t quickstart``: train a small model, evaluate it, and see one record in three orders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from d2t.cli import options as opt
from d2t.cli.common import ROOT, say

if TYPE_CHECKING:
    from d2t.recipes.quickstart import Quickstart

SHOWN = ("slot_error_rate", "exact_utterances", "order_accuracy", "bleu")


def quickstart(
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="The folder of the run. A finished run in this folder is used again."
        ),
    ] = Path("runs/quickstart"),
    threads: opt.TorchThreads = None,
) -> None:
    """Train a small model on the embedded corpus and show what it does, in about two minutes.

    Example:  d2t quickstart
    """
    say("importing torch ...")
    from d2t.recipes.quickstart import run_quickstart
    from d2t.train.loop.progress import default_reporter

    result = run_quickstart(out, progress=default_reporter(200, quiet=ROOT.quiet), threads=threads)
    _print_scores(result)
    _print_examples(result)
    say(f"\nThe model is in {result.bundle}. Try it:")
    say(f"  echo '{result.next}' | d2t generate --model {result.bundle}")


def _print_scores(result: Quickstart) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{result.own.n_mrs} meaning representations never seen in training")
    table.add_column("order asked for")
    for key in SHOWN:
        table.add_column(result.own.metrics[key].label, justify="right")
    for name, report in (("the planner's own", result.own), ("random", result.random)):
        table.add_row(name, *[f"{report.metrics[key].score:.2f}" for key in SHOWN])
    Console(highlight=False).print(table)


def _print_examples(result: Quickstart) -> None:
    from rich.console import Console

    from d2t.mr.domain import load_domain
    from d2t.slots.render import render_report

    console = Console(highlight=False, soft_wrap=True)
    names = load_domain("restaurant").slot_names
    for hypothesis in result.examples:
        console.print("\n" + " > ".join(hypothesis.plan.labels()), style="bold")
        console.print(render_report(hypothesis.report, names))
        if not hypothesis.order_kept:
            console.print("  order not kept", style="bold red")
