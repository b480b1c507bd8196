"""`d2t evaluate plans`: how near planners come to the orders that people chose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from d2t.cli.common import CorpusDomainOption, JsonOption, LimitOption, SeedOption, progress, say

if TYPE_CHECKING:
    from d2t.plan.training.homes import PlannerHome
    from d2t.score.plans import PlannerScores
    from d2t.score.tasks import PlanMaker

PlannersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--planner",
        metavar="NAME_OR_FOLDER",
        help="bigram, neural, random, display, oracle, or the folder of a trained planner; "
        "repeatable [default: all but neural].",
    ),
]
CorpusOption = Annotated[str, typer.Option(help="Corpus name or file whose references count.")]
SplitOption = Annotated[Literal["train", "dev", "test"], typer.Option(help="Its split.")]
ModelOption = Annotated[
    Path | None,
    typer.Option("--model", "-m", help="bigram and neural are this bundle's; so is the domain."),
]
ResamplesOption = Annotated[int, typer.Option(min=0, help="Bootstrap resamples; 0: none.")]


def plans(
    planner: PlannersOption = None,
    corpus: CorpusOption = "mini",
    split: SplitOption = "dev",
    model: ModelOption = None,
    domain: CorpusDomainOption = None,
    n_resamples: ResamplesOption = 1000,
    seed: SeedOption = 12345,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Kendall's tau, exact plans and bigram F1 of planners against the references' orders.

    Each MR of the split is planned once and compared with the order of each of its references.
    Sentences are planned where a planner can, and scored where all plans have them; `oracle` is the
    medoid of the references. Without `--model`, `bigram` is fitted on the corpus's train split;
    a file has none, and there `bigram` needs a bundle.

    Example: d2t evaluate plans --corpus mini --split dev --planner bigram --planner random
    """
    from d2t.corpus.load import load_split
    from d2t.plan.training.homes import planner_home
    from d2t.score.bootstrap import Resampling
    from d2t.score.plans import reference_plans, score_planner, signature
    from d2t.slots.checker import SlotChecker

    names = _names(planner, corpus, model)
    fitted = "bigram" if "bigram" in names else "random"  # only the former reads the corpus
    home = planner_home(model, corpus, domain, planner=fitted, notify=say)
    checker = SlotChecker.for_domain(home.domain)
    examples = load_split(corpus, split, home.domain)
    references = reference_plans(examples, checker)[:limit]
    resampling = Resampling(n_resamples=n_resamples, seed=seed)
    with progress("planning", total=len(names)) as advance:
        scores = []
        for name in names:
            made = _planner(name, home, references=(corpus, split), seed=seed)
            scores.append(score_planner(name, made, references, resampling))
            advance(1, note=name)
    settings = signature(home.domain, checker, resampling)
    n_plans = sum(len(item.plans) for item in references)
    if as_json:
        report = {
            "corpus": corpus,
            "split": split,
            "n_mrs": len(references),
            "n_references": n_plans,
            "signature": settings,
            "planners": [score.as_dict() for score in scores],
        }
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    typer.echo(f"{len(references)} MRs, {n_plans} references, {corpus} {split}\n")
    typer.echo(_table(scores))
    typer.echo(f"\n{settings}")


def _names(planners: list[str] | None, corpus: str, model: Path | None) -> list[str]:
    """The planners to compare; none is fitted on the texts that it is compared with."""
    from d2t.corpus.registry import registry
    from d2t.errors import UsageError

    has_bigram = model is not None or corpus in registry()
    if not planners:
        return [*(["bigram"] if has_bigram else []), "random", "display", "oracle"]
    if "bigram" in planners and not has_bigram:
        raise UsageError(
            f"{corpus} is no registered corpus with a train split, so a bigram planner would be "
            "fitted on the orders it is to be compared with; give a bundle that brings one: "
            "--model BUNDLE"
        )
    return planners


def _planner(
    name: str,
    home: PlannerHome,
    *,
    references: tuple[str, Literal["train", "dev", "test"]],
    seed: int,
) -> PlanMaker:
    """A planner by name, planning sentences where it can."""
    from d2t.plan.choose import make_planner
    from d2t.plan.neural import NeuralPlanner

    if name != "oracle":
        made = make_planner(name, home.domain, home.planners, seed=seed, more=("oracle",))
        return made.with_sentences() if isinstance(made, NeuralPlanner) else made
    from d2t.corpus.correct import align_examples, split_references
    from d2t.corpus.load import load_split
    from d2t.plan.oracle import OraclePlanner
    from d2t.slots.checker import SlotChecker

    examples = split_references(load_split(*references, home.domain))
    aligned = align_examples(examples, SlotChecker.for_domain(home.domain))
    return OraclePlanner(sentences=True).fit(aligned)


def _table(scores: list[PlannerScores]) -> str:
    from d2t.score.plans import LABELS
    from d2t.score.report.tables import markdown_table

    rows = []
    for planner in scores:
        cells = [f"{s.score:.2f} [{s.low:.2f}, {s.high:.2f}]" for s in planner.scores]
        rows.append([planner.planner, *cells, *["-"] * (len(LABELS) - len(cells))])
    return markdown_table(["planner", *LABELS], rows)
