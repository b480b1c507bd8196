"""Planners and a corpus: training one, and comparing several with the orders that people chose."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from d2t.corpus.correct import align_examples, split_references
from d2t.corpus.load import load_split
from d2t.corpus.registry import default_domain, registry
from d2t.errors import UsageError
from d2t.io.atomic import atomic_folder, refuse_to_overwrite
from d2t.model.bundle.manifest import Manifest, attach_planner
from d2t.mr.domain import load_domain
from d2t.mr.domain_files import load_domain_copy
from d2t.plan.choose import make_planner
from d2t.plan.neural import PLANNER, NeuralPlanner
from d2t.plan.training.homes import PlannerSource, planner_examples, planner_home
from d2t.plan.untrained import OraclePlanner
from d2t.score.bootstrap import Resampling
from d2t.score.plans import LABELS, reference_plans, score_planner, signature
from d2t.score.report.report import markdown_table
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from d2t.plan.training.homes import PlannerHome
    from d2t.plan.training.planner import EpochReport, PlannerSettings
    from d2t.score.plans import PlannerScores
    from d2t.score.tasks import PlanMaker

    Notify = Callable[[str], None]

Split = Literal["train", "dev", "test"]
logger = logging.getLogger(__name__)


def train_planner(
    source: PlannerSource,
    out: Path | None = None,
    domain: str | None = None,
    *,
    into: Path | None = None,
    settings: PlannerSettings | None = None,
    notify: Notify = logger.info,
) -> Path:
    """Train a neural planner on the orders of a corpus (``d2t train-planner``).

    Args:
        source: a registered corpus, or files of training and development pairs.
        out: the folder to write; None: ``runs/CORPUS-planner``.
        domain: name or folder; None: that of the corpus.
        into: a bundle that gets the planner, instead of ``out``; its domain is used.
        settings: sizes, epochs and seed.
        notify: gets lines for a person, such as the development losses of each epoch.

    Returns:
        The folder of the planner, or the bundle.

    Raises:
        UsageError: ``out`` and ``into``, or one file of two.
        BundleError: ``out`` holds something else, or ``into`` is no bundle.
        DataError, DomainError: there is no such corpus, or it has no orders.
    """
    from d2t.plan.training.planner import train_planner as fit  # torch takes seconds

    if out is not None and into is not None:
        raise UsageError("give --out or --into, not both")
    if (source.train is None) != (source.dev is None):
        raise UsageError("--train and --dev go together: plans of one corpus choose the epoch")
    name = source.train or source.corpus
    folder = into or out or Path("runs") / f"{Path(name).stem}-planner"
    if into is None:
        refuse_to_overwrite(folder, PLANNER)
        loaded = load_domain(domain or default_domain(name))
    else:
        Manifest.read(into).verify(into)  # a damaged bundle is found before the training
        loaded = load_domain_copy(into / "domain")
    notify(f"aligning {name}")
    train, dev = planner_examples(source, loaded)
    notify(f"training on {len(train)} plans, choosing on {len(dev)}")

    def report(epoch: EpochReport) -> None:
        """One line for each epoch."""
        notify(
            f"epoch {epoch.epoch}: {epoch.order_nll:.3f} nats per order, {epoch.break_nll:.3f} for "
            f"its sentences, {epoch.seconds:.0f} s"
        )

    planner = fit(train, dev, loaded, settings, progress=report)
    planner.info |= _facts(source, f"{loaded.name}@{loaded.digest[:4]}", len(train), len(dev))
    if into is not None:
        attach_planner(into, planner)
    else:
        with atomic_folder(folder, marker=PLANNER) as temporary:
            planner.save(temporary)
    return folder


def _facts(source: PlannerSource, domain: str, n_train: int, n_dev: int) -> dict[str, Any]:
    from d2t._version import __version__

    return {
        "corpus": source.corpus if source.train is None else Path(source.train).name,
        "domain": domain,
        "train_plans": n_train,
        "dev_plans": n_dev,
        "d2t_version": __version__,
    }


@dataclass(frozen=True, slots=True)
class PlannerComparison:
    """How near planners come to the orders of the references of one split.

    Attributes:
        corpus, split: where the references are from.
        n_mrs, n_references: MRs that were planned, and references with an order.
        scores: of each planner, in the order asked for.
        signature: the settings behind the numbers.
    """

    corpus: str
    split: str
    n_mrs: int
    n_references: int
    scores: tuple[PlannerScores, ...]
    signature: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "corpus": self.corpus,
            "split": self.split,
            "n_mrs": self.n_mrs,
            "n_references": self.n_references,
            "signature": self.signature,
            "planners": [score.as_dict() for score in self.scores],
        }

    def as_markdown(self) -> str:
        """A table with a row for each planner."""
        rows = []
        for planner in self.scores:
            cells = [f"{s.score:.2f} [{s.low:.2f}, {s.high:.2f}]" for s in planner.scores]
            rows.append([planner.planner, *cells, *["-"] * (len(LABELS) - len(cells))])
        head = f"{self.n_mrs} MRs, {self.n_references} references, {self.corpus} {self.split}"
        return f"{head}\n\n{markdown_table(['planner', *LABELS], rows)}\n\n{self.signature}\n"


def compare_planners(
    planners: Sequence[str] | None = None,
    corpus: str = "mini",
    split: Split = "dev",
    *,
    model: Path | None = None,
    domain: str | None = None,
    n_resamples: int = 1000,
    seed: int = 12345,
    limit: int | None = None,
    notify: Notify = logger.info,
    advance: Callable[[int, str], None] = lambda n, note: None,
) -> PlannerComparison:
    """Plan each MR of a split with each planner and compare with the references' orders.

    Args:
        planners: names or folders; None: all that need no training but that of a bigram planner.
        corpus: whose references count.
        split: of the corpus.
        model: the bundle whose planners and domain are used.
        domain: name or folder; None: that of the corpus.
        n_resamples: of the bootstrap; 0: no intervals.
        seed: of planners that draw, and of the bootstrap.
        limit: plan this many MRs only.
        notify: gets lines for a person.
        advance: called with 1 and the name after each planner.

    Raises:
        UsageError: there is no such planner, or none that was fitted on other texts.
        DataError, DomainError, BundleError: what cannot be read.
    """
    names = _planner_names(planners, corpus, model)
    fitted = "bigram" if "bigram" in names else "random"  # only the former reads the corpus
    home = planner_home(model, corpus, domain, planner=fitted, notify=notify)
    checker = SlotChecker.for_domain(home.domain)
    references = reference_plans(load_split(corpus, split, home.domain), checker)[:limit]
    resampling = Resampling(n_resamples=n_resamples, seed=seed)
    scores = []
    for name in names:
        planner = _planner(name, home, corpus, split, seed)
        scores.append(score_planner(name, planner, references, resampling))
        advance(1, name)
    return PlannerComparison(
        corpus,
        split,
        n_mrs=len(references),
        n_references=sum(len(item.plans) for item in references),
        scores=tuple(scores),
        signature=signature(home.domain, checker, resampling),
    )


def _planner_names(
    planners: Sequence[str] | None, corpus: str, model: Path | None
) -> Sequence[str]:
    """The planners to compare; none is fitted on the texts that it is compared with."""
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


def _planner(name: str, home: PlannerHome, corpus: str, split: Split, seed: int) -> PlanMaker:
    """A planner by name, planning sentences where it can."""
    if name != "oracle":
        made = make_planner(name, home.domain, home.planners, seed=seed, more=("oracle",))
        return made.with_sentences() if isinstance(made, NeuralPlanner) else made
    examples = split_references(load_split(corpus, split, home.domain))
    aligned = align_examples(examples, SlotChecker.for_domain(home.domain))
    return OraclePlanner(sentences=True).fit(aligned)
