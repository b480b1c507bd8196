"""Training of the QAGen model (rules F1.2, F5.3) with the loop that trains generators."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch
from pydantic import BaseModel, Field, ValidationError

from d2t.corpus.correct import split_references
from d2t.corpus.types import Example
from d2t.errors import ConfigError, DataError
from d2t.judges.parser.training import read_texts
from d2t.judges.qa.entities import COPIED_KINDS
from d2t.judges.qa.model import QAModel
from d2t.judges.qa.training.distractors import Distractor
from d2t.judges.qa.training.pairs import Draws, PairDrawer, QAPairEncoder, Utterance, qa_symbols
from d2t.model.config import TransformerConfig
from d2t.model.device import pick_device
from d2t.model.loss import smoothed_cross_entropy
from d2t.model.tokenizer import Tokenizer
from d2t.model.transformer import TransformerModel
from d2t.section import Section
from d2t.seeding import derive_seed
from d2t.slots.checker import SlotChecker
from d2t.train.config.options import OptimConfig, RunConfig, SelectConfig, TrainConfig
from d2t.train.data.batching import collate, plan_batches
from d2t.train.loop.parts import Part, batch_options, needed_logits
from d2t.train.loop.progress import Reporter, TrainingInterrupted, stop_on_signal
from d2t.train.loop.selection import DevResult
from d2t.train.loop.steps import Loop
from d2t.train.loop.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from d2t.judges.qa.questions import QuestionSet
    from d2t.judges.qa.training.distractor_frames import FrameSet
    from d2t.model.base import Seq2SeqModel
    from d2t.mr.domain import Domain
    from d2t.train.data.batching import EncodedPair

Labels = Literal["given", "agreed"]
_Options = TypeVar("_Options", bound=BaseModel)


class QAConfig(Section):
    """Settings of ``train_qa``.

    Attributes:
        network: sizes; small, as every pair is a pass.
        train: the loop. No label smoothing: likelihoods are compared, and smoothing flattens them.
        labels: what a text says is what its MR says (``given``), or only texts are used on which
            the slot checker agrees (``agreed``): cleaner, but paraphrases outside the lexicon are
            then never seen.
        draws: how many pairs of which kind an utterance gives in an epoch.
        vocab_size: at most this many subword pieces, symbols included.
        dev_utterances: whose pairs' loss chooses the epoch.
    """

    network: TransformerConfig = TransformerConfig(
        encoder_layers=2, decoder_layers=1, width=128, ffn=384, heads=4
    )
    train: OptimConfig = OptimConfig(
        epochs=10, batch_size=128, lr=2e-3, label_smoothing=0.0, average=0.99
    )
    labels: Labels = "given"
    draws: Draws = Draws()
    vocab_size: int = Field(default=1500, ge=300)
    dev_utterances: int = Field(default=300, ge=1)
    seed: int = Field(default=1, ge=0)
    device: str = "auto"


def qa_config(
    *,
    labels: Labels,
    epochs: float | None,
    width: int | None,
    seed: int,
    device: str,
    distracted: float | None = None,
) -> QAConfig:
    """The defaults with what a command line changes.

    Raises:
        ConfigError: the width or the number of epochs is impossible.
    """
    config = QAConfig(labels=labels, seed=seed, device=device)
    changes: dict[str, Any] = {}
    if distracted is not None:
        changes["draws"] = config.draws._replace(distracted=distracted)
    if epochs is not None:
        changes["train"] = _checked(type(config.train), config.train, "--epochs", epochs=epochs)
    if width is not None:
        changes["network"] = _checked(
            TransformerConfig, config.network, "--width", width=width, ffn=3 * width
        )
    return config.model_copy(update=changes)


def _checked(kind: type[_Options], plain: BaseModel, option: str, **changes: float) -> _Options:
    """``plain`` with changes, of which the first is the value of ``option``."""
    try:
        return kind.model_validate({**plain.model_dump(), **changes})
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{option} {next(iter(changes.values()))}: {why}") from error


@dataclass(frozen=True)
class _Assembly:
    """What the loop trains."""

    model: Seq2SeqModel
    encoder: QAPairEncoder


def utterances_of(
    examples: Iterable[Example], checker: SlotChecker, domain: Domain, labels: Labels
) -> list[Utterance]:
    """Each reference once, with what it says."""
    singles = split_references(examples)
    if labels == "agreed":
        singles = [e for e in singles if read_texts([e], checker, domain, "agreed")]
    return [Utterance(e.mr, e.references[0]) for e in singles if e.references[0].strip()]


def train_qa(
    train: Sequence[Utterance],
    dev: Sequence[Utterance],
    domain: Domain,
    questions: QuestionSet,
    config: QAConfig | None = None,
    *,
    frames: FrameSet | None = None,
    progress: Reporter | None = None,
) -> QAModel:
    """Fit a model; the epoch with the lowest development loss is kept, without one the last.

    Deterministic for a seed, a device and a number of threads.

    Args:
        train: what is learnt from.
        dev: what chooses the epoch.
        domain: of the MRs.
        questions: of the domain.
        config: sizes, the loop and what is drawn.
        frames: of clauses that are put into texts (``draws.distracted``); None: none are.
        progress: is told how it goes.

    Raises:
        DataError: there is nothing to learn from.
        TrainingInterrupted: Ctrl-C; nothing is kept.
    """
    config = config or QAConfig()
    if not train:
        raise DataError("nothing to train a QA model on: no utterances", code="empty_file")
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(config.seed, "qa") % 2**32)
        reporter = progress or Reporter()
        distractor = None
        if frames is not None and config.draws.distracted:
            reporter.say("cutting content for distractors")
            distractor = distractor_of(train, frames, domain)
        drawer = PairDrawer(domain, questions, config.draws, config.seed, distractor)
        return _train(train, dev, drawer, config, reporter)


def unseen_values(utterances: Sequence[Utterance], domain: Domain) -> dict[str, list[str]]:
    """By closed slot, listed values that no utterance has, nor any that tells a reader the same.

    A model never answers with words it was not taught: such values are read as names are (but for
    yes and no, which are words of every text).
    """
    seen = {(s.name, domain.slot(s.name).merged(s.value)) for u in utterances for s in u.mr.slots}
    unseen = {
        spec.name: [v for v in spec.values if (spec.name, spec.merged(v)) not in seen]
        for spec in domain.slots
        if spec.kind not in (*COPIED_KINDS, "boolean")
    }
    return {name: values for name, values in unseen.items() if values}


def distractor_of(utterances: Sequence[Utterance], frames: FrameSet, domain: Domain) -> Distractor:
    """What puts clauses into texts, with the wordings of ``utterances``."""
    references = [Example(str(at), u.mr, (u.text,)) for at, u in enumerate(utterances)]
    return Distractor.of(frames, references, SlotChecker.for_domain(domain), domain)


def _train(
    train: Sequence[Utterance],
    dev: Sequence[Utterance],
    drawer: PairDrawer,
    config: QAConfig,
    progress: Reporter,
) -> QAModel:
    tokenizer = _tokenizer(train, drawer, config)
    network = TransformerModel(config.network, **tokenizer.ids)
    encoder = QAPairEncoder(drawer, tokenizer)
    settings = TrainConfig(
        seed=config.seed,
        model=config.network,
        train=config.train,
        select=SelectConfig(metric="dev_loss", n_mrs=0),
        run=RunConfig(device=config.device, checkpoint_every_s=1e9),
    )
    workers = Workers(pick_device(config.device))
    loop = Loop(settings, _Assembly(network, encoder), [Part(train, one_source=True)], workers)
    best = _Best(encoder.encode_epoch(dev[: config.dev_utterances], "dev"), progress)
    # The loop saves itself at each evaluation; a training of minutes is not resumed.
    with tempfile.TemporaryDirectory() as folder, stop_on_signal() as stop:
        complete = loop.run(best.evaluate, best.keep, Path(folder), stop, progress)
    progress.close()
    if not complete:
        raise TrainingInterrupted(
            "interrupted; training of a QA model cannot be resumed: start it again"
        )
    network.load_state_dict(best.weights)
    info = {
        "settings": config.model_dump(mode="json"),
        "utterances": len(train),
        "pairs_seen": loop.progress.pairs_seen,
        "train_s": round(loop.progress.wall_s, 1),
        "dev": best.facts,
        "distractors": drawer.distractor.frames.digest if drawer.distractor else None,
        "unseen": unseen_values(train, drawer.domain),
    }
    questions = drawer.questions.source
    return QAModel(drawer.domain, questions, tokenizer, network.cpu().eval(), info)


class _Best:
    """The weights of the best evaluation so far, and what it found."""

    def __init__(self, dev: Sequence[EncodedPair], progress: Reporter) -> None:
        self.dev, self.progress = dev, progress
        self.weights: dict[str, Tensor] = {}
        self.facts: dict[str, float] = {}

    def evaluate(self, loop: Loop) -> DevResult:
        """Loss on fixed development pairs; without any, later weights are better ones."""
        losses = dev_losses(loop, self.dev)
        selection = -losses["dev_loss"] if self.dev else float(loop.progress.step)
        return DevResult(losses, selection, [])

    def keep(self, loop: Loop, result: DevResult) -> None:
        """Remember the weights that are the best."""
        step = loop.progress.step
        found = ", ".join(f"{name} {v:.3f}" for name, v in result.metrics.items()) or "no dev"
        self.progress.say(f"step {step}: {found}")
        if loop.progress.best_step == step:
            state = loop.model.state_dict()
            self.weights = {name: v.detach().cpu().clone() for name, v in state.items()}
            self.facts = {"step": step, **result.metrics}


def _tokenizer(train: Sequence[Utterance], drawer: PairDrawer, config: QAConfig) -> Tokenizer:
    """Trained on one epoch's contexts and pairs, and on the values of the domain."""
    symbols = qa_symbols(drawer.domain)
    texts: dict[str, None] = {}
    for row in drawer.rows(train, "tokenizer"):
        texts.setdefault(row.context)
        texts.setdefault(row.pair.target)
    for spec in drawer.domain.slots:
        if spec.kind not in COPIED_KINDS:
            texts.update(dict.fromkeys(value.lower() for value in spec.values))
    return Tokenizer.train(texts, symbols, config.vocab_size)


def dev_losses(loop: Loop, pairs: Sequence[EncodedPair]) -> dict[str, float]:
    """Nats per token that counts, over fixed pairs; nothing without pairs."""
    if not pairs:
        return {}
    model = loop.model.eval()
    options = batch_options(loop.config, shared=True)
    loss, n_tokens = 0.0, 0
    with torch.no_grad():
        for plan in plan_batches(pairs, options, seed=0, epoch=0):
            batch = collate(pairs, plan, pad_id=model.pad_id, bos_id=model.bos_id)
            logits, labels = needed_logits(model, batch.to(loop.workers.device))
            total, _ = smoothed_cross_entropy(logits, labels, pad_id=model.pad_id, smoothing=0.0)
            loss, n_tokens = loss + float(total), n_tokens + batch.n_tokens
    model.train()
    return {"dev_loss": loss / n_tokens}
