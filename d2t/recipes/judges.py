"""Training the judges on a corpus: the learned parser, the fluency classifier, the QA model.

Each function reads the training split of a corpus, trains, scores on the development split where
there is one (a file has none), and writes a folder.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from d2t.corpus.load import load_split
from d2t.corpus.registry import default_domain, registry
from d2t.io.atomic import refuse_to_overwrite
from d2t.judges.fluency import classifier as fluency_classifier
from d2t.judges.fluency.training import FluencyConfig, detection_scores, marked_texts
from d2t.judges.fluency.training import train_fluency as fit_fluency
from d2t.judges.parser import classifier as parser_classifier
from d2t.judges.parser.training import ParserConfig, read_texts, score_parser
from d2t.judges.parser.training import train_parser as fit_parser
from d2t.judges.qa import model as qa_model
from d2t.judges.qa.questions import load_questions
from d2t.judges.qa.training.distractor_frames import load_frames
from d2t.judges.qa.training.train import QAConfig, utterances_of
from d2t.judges.qa.training.train import train_qa as fit_qa
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.judges.parser.training import LabelSource
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadOptions
    from d2t.train.loop.progress import Reporter

    Notify = Callable[[str], None]
    Progress = Callable[[float, str], None]

logger = logging.getLogger(__name__)


def _silent(_share: float, _note: str) -> None:
    """A progress bar that nobody sees."""


def train_parser(
    corpus: str,
    out: Path,
    domain: str | None = None,
    *,
    config: ParserConfig | None = None,
    reading: ReadOptions | None = None,
    notify: Notify = logger.info,
    progress: Progress = _silent,
) -> dict[str, Any]:
    """Train a parser that reads slots and values in texts (``d2t train-parser``).

    Args:
        corpus: a registered corpus, or a file of training pairs.
        out: the folder to write.
        domain: name or folder; None: that of the corpus.
        config: labels, epochs, seed and sizes.
        reading: how the corpus is read if it is a file; its ``limit`` holds for training only.
        notify: gets lines for a person, such as the development scores.
        progress: called with the share that is done and a note.

    Returns:
        JSON-able: the path, the settings, and under ``dev`` the scores on the development split
        against the MRs as given and against what the rule checker reads.

    Raises:
        BundleError: ``out`` holds something else.
        DataError, DomainError: there is no such corpus, or nothing to learn from.
    """
    refuse_to_overwrite(out, parser_classifier.MANIFEST)
    config = config or ParserConfig()
    loaded, checker = _domain_and_checker(corpus, domain)
    examples, dev = load_split(corpus, "train", loaded, reading), _dev_examples(corpus, loaded)
    notify(f"reading {len(examples)} training and {len(dev)} development texts")
    texts = read_texts(examples, checker, loaded, config.labels)
    parser = fit_parser(texts, loaded, config, progress=progress)
    names: dict[LabelSource, str] = {
        "given": "the MRs as given",
        "text": "what the rule checker reads",
    }
    parser.info["dev"] = {}
    for source, name in names.items() if dev else ():
        scores = score_parser(parser, read_texts(dev, checker, loaded, source))
        parser.info["dev"][source] = scores.as_dict()
        slots = ", ".join(f"{slot} {score.f1:.2f}" for slot, score in scores.by_slot.items())
        notify(
            f"dev against {name}: F1 {scores.micro.f1:.2f}, exact {scores.exact:.2f}% of "
            f"{scores.n} ({slots})"
        )
    parser.save(out)
    return {"path": str(out), **parser.info}


def train_fluency(
    corpus: str,
    out: Path,
    domain: str | None = None,
    *,
    config: FluencyConfig | None = None,
    reading: ReadOptions | None = None,
    notify: Notify = logger.info,
    progress: Progress = _silent,
) -> dict[str, Any]:
    """Train a classifier that tells references from corrupted references (``d2t train-fluency``).

    Args:
        corpus: as for ``train_parser``.
        out: the folder to write.
        domain: as for ``train_parser``.
        config: epochs, seed and sizes.
        reading: how the corpus is read if it is a file; its ``limit`` holds for either split.
        notify: as for ``train_parser``.
        progress: as for ``train_parser``.

    Returns:
        JSON-able: the path, the settings, and under ``dev_auc`` the area under the ROC curve on
        development references, for each kind of corruption and for ``all``.

    Raises:
        BundleError, DataError, DomainError: as for ``train_parser``.
    """
    refuse_to_overwrite(out, fluency_classifier.MANIFEST)
    config = config or FluencyConfig()
    loaded, checker = _domain_and_checker(corpus, domain)
    examples = load_split(corpus, "train", loaded, reading)
    dev = _dev_examples(corpus, loaded)[: reading.limit if reading else None]
    notify(f"reading {len(examples)} training and {len(dev)} development texts")
    texts = marked_texts(examples, checker, loaded)
    classifier = fit_fluency(texts, config, progress=progress)
    marked = marked_texts(dev, checker, loaded)
    areas = detection_scores(classifier.scores, marked, seed=config.seed) if marked else {}
    classifier.info["dev_auc"] = areas
    classifier.save(out)
    shown = ", ".join(f"{kind} {area:.2f}" for kind, area in areas.items()) or "no dev split"
    notify(f"dev references against corrupted ones, area under the curve: {shown}")
    return {"path": str(out), **classifier.info}


def train_qa(
    corpus: str,
    out: Path,
    domain: str | None = None,
    *,
    config: QAConfig | None = None,
    reading: ReadOptions | None = None,
    notify: Notify = logger.info,
    progress: Reporter | None = None,
) -> dict[str, Any]:
    """Train the question-answering model behind ``d2t evaluate qa`` (``d2t train-qa``).

    Args:
        corpus: as for ``train_parser``.
        out: the folder to write.
        domain: as for ``train_parser``.
        config: labels, sizes, the loop and what is drawn (``qa_config``).
        reading: how the corpus is read if it is a file; its ``limit`` holds for training only.
        notify: as for ``train_parser``.
        progress: is told losses and speed.

    Returns:
        JSON-able: the path, the settings and the development losses.

    Raises:
        BundleError, DataError, DomainError: as for ``train_parser``.
    """
    refuse_to_overwrite(out, qa_model.MANIFEST)
    config = config or QAConfig()
    loaded, checker = _domain_and_checker(corpus, domain)
    questions = load_questions(loaded)
    examples = load_split(corpus, "train", loaded, reading)
    train = utterances_of(examples, checker, loaded, config.labels)
    dev = utterances_of(_dev_examples(corpus, loaded), checker, loaded, config.labels)
    notify(f"training on {len(train)} utterances, {len(dev)} for development")
    frames = load_frames(loaded)
    model = fit_qa(train, dev, loaded, questions, config, frames=frames, progress=progress)
    model.save(out)
    return {"path": str(out), **model.info}


def _domain_and_checker(corpus: str, domain: str | None) -> tuple[Domain, SlotChecker]:
    loaded = load_domain(domain or default_domain(corpus))
    return loaded, SlotChecker.for_domain(loaded)


def _dev_examples(corpus: str, domain: Domain) -> list[Example]:
    """The development split; none for a file, which is its own training split."""
    return load_split(corpus, "dev", domain) if corpus in registry() else []
