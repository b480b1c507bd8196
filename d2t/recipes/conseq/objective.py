"""The CONSEQ objective: a round of samples, S+ and S- chosen from it, and their loss."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import log_softmax

from d2t.corpus.types import Example
from d2t.errors import ConfigError, DataError
from d2t.generate.pipeline import ModelGenerator
from d2t.io.hashing import sha256_file, sha256_json
from d2t.judges.qa.reader import QAReader
from d2t.recipes.conseq.options import ConseqOptions
from d2t.recipes.conseq.round import RoundFolder, TextScorer, groups_of, make_round
from d2t.recipes.conseq.select import ContrastiveSets, select, without
from d2t.train.config.load import bundle_digest, bundle_of
from d2t.train.config.options import OBJECTIVES
from d2t.train.data.encode import FROZEN, Shares, render
from d2t.train.data.prepare import training_pairs
from d2t.train.loop.parts import Part, StepParts
from d2t.train.loop.progress import TrainingInterrupted, stop_on_signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from d2t.linearize.source import Linearizer
    from d2t.train.config.options import TrainConfig
    from d2t.train.data.prepare import PreparedData, TrainingPair
    from d2t.train.loop.objective import RunContext


@OBJECTIVES.register("conseq")
class ConseqObjective(ConseqOptions):
    """Contrastive training (CONSEQ, ACL 2021; rules F2, F5.4)."""

    def parts(self, run: RunContext) -> StepParts:
        """S+ and S- of a round, which is drawn first unless ``round`` names one."""
        return contrastive_parts(self, run)


def contrastive_parts(how: ConseqOptions, run: RunContext) -> StepParts:
    """S+ and S- as parts of one denominator; the round is made in the run's folder, or read.

    The MRs are those of the training pairs; files of ``data.augment`` take no part.

    Raises:
        ConfigError: the QA model belongs to another domain, or the round lacks a score.
        DataError: the round is of another model or other data, it is damaged, or nothing was
            chosen from it.
        TrainingInterrupted: Ctrl-C while sampling; finished blocks are kept.
    """
    own = run.folder / "round"
    if how.round is None:
        if run.workers.is_main:
            _make(how, run, RoundFolder(own))
        run.workers.from_main([0.0])  # the others wait until the round is there
    folder = RoundFolder(own if how.round is None else Path(how.round))
    facts = folder.facts()
    _require_same(run.config, facts["identity"], _data_identity(run.data), folder.path)
    _require_scores(how, facts["mean_scores"], folder.path)
    chosen = select(list(folder.read(run.data.domain)), how, run.config.seed)
    positives, negatives = _pairs(chosen, how, run.data, run.assembly.linearizer)
    _require(positives, negatives, how, folder.path)
    drawn = ", ".join(f"{name} {v}" for name, v in facts["identity"]["sampling"].items())
    run.reporter.say(
        f"S+ {len(positives)} references, S- {len(negatives)} samples, of {folder.path} ({drawn})"
    )
    parts = [Part(positives)]
    if negatives:
        parts.append(Part(negatives, loss=partial(unlikelihood, weight=how.weight)))
    return StepParts(
        parts,
        {"conseq_positives": len(positives), "conseq_negatives": len(negatives)},
        {"conseq_samples": sha256_file(folder.samples)},
    )


def _pairs(
    chosen: ContrastiveSets, how: ConseqOptions, data: PreparedData, linearizer: Linearizer
) -> tuple[list[TrainingPair], list[TrainingPair]]:
    """S+ and S- as the model reads them, no two of them one to it."""
    pair_of = {pair.example.id: pair for pair in data.train}

    def positives_of(chosen: ContrastiveSets) -> list[TrainingPair]:
        return [pair_of[text.id] for _, text in chosen.positives]

    unwanted = [
        Example(text.id, record.mr, (text.text,), text.plan) for record, text in chosen.negatives
    ]
    pairs = training_pairs(unwanted, data.checker, data.domain)
    negatives = apart(pairs, positives_of(chosen), linearizer)
    if how.intersect and len(negatives) < len(unwanted):
        kept = {pair.example.id for pair in negatives}
        chosen = without(chosen, {e.id for e in unwanted if e.id not in kept})
    return positives_of(chosen), negatives


def apart(
    negatives: Sequence[TrainingPair], positives: Sequence[TrainingPair], linearizer: Linearizer
) -> list[TrainingPair]:
    """The negatives that the model reads as no positive: names apart, MRs and texts may be equal.

    The order of the source does not tell two MRs apart.
    """
    positive = {_as_read(pair, linearizer) for pair in positives}
    return [pair for pair in negatives if _as_read(pair, linearizer) not in positive]


def _as_read(pair: TrainingPair, linearizer: Linearizer) -> tuple[tuple[str, ...], str]:
    source, template = render(pair, linearizer, 0, FROZEN, 0, Shares(0.0, 0.0))
    return tuple(sorted(source.pieces)), " ".join(template.split()).casefold()


def _make(how: ConseqOptions, run: RunContext, folder: RoundFolder) -> None:
    """Sample with the model that training starts from, score, write."""
    config, data, say = run.config, run.data, run.reporter.say
    reader = None
    if how.qa is not None:
        reader = QAReader.load(Path(how.qa), device=str(run.workers.device))
        if reader.domain.slot_names != data.domain.slot_names:
            raise ConfigError(
                f"the QA model {how.qa} was trained for domain {reader.domain.name!r}, not for "
                f"{data.domain.name!r}; train one with `d2t train-qa`"
            )
    assert config.init is not None  # the configuration requires it
    identity = {
        "bundle_sha256": bundle_digest(bundle_of(config.init)),
        "data_sha256": _data_identity(data),
        "sampling": how.model_dump(
            mode="json", include={"n_samples", "top_k", "temperature", "n_mrs", "block"}
        ),
        "qa_sha256": None if reader is None else reader.digest,
        "seed": config.seed,
    }
    run.assembly.model.to(run.workers.device)
    generator = ModelGenerator(run.assembly.bundle(data, info={}), batch_size=64)
    examples = [pair.example for pair in data.train]
    say(f"sampling {how.n_samples} texts per training MR into {folder.path}")
    with stop_on_signal() as flag:
        done = make_round(
            how, folder, groups_of(examples, how.n_mrs, config.seed), generator,
            TextScorer(data.checker, reader), identity,
            seed=config.seed, command=run.command, resume=run.resume, say=say,
            stop=lambda: flag.requested,
        )  # fmt: skip
    if not done:
        raise TrainingInterrupted(
            "interrupted while sampling; finished blocks are saved. Continue with the same command "
            "and --resume"
        )


def _data_identity(data: PreparedData) -> dict[str, Any]:
    pairs = [[p.example.id, str(p.example.mr), *p.example.references] for p in data.train]
    return {
        "pairs": sha256_json(pairs),
        "domain": data.domain.digest,
        "lexicon": data.checker.lexicon_digest,
    }


def _require_same(
    config: TrainConfig,
    identity: dict[str, Any],
    data: dict[str, Any],
    folder: Path,
) -> None:
    """A round is of the model that training starts from, and of its data."""
    if identity["data_sha256"] != data:
        raise DataError(
            f"the samples in {folder} were made for other training data or with another lexicon; "
            "leave objective.round out to draw new samples",
            code="data_changed",
        )
    assert config.init is not None  # the configuration requires it
    if identity["bundle_sha256"] != bundle_digest(bundle_of(config.init)):
        raise DataError(
            f"the samples in {folder} were drawn by another model than {config.init}, but S- must "
            "be samples of the model that is trained; leave objective.round out, or give that "
            "model with --init",
            code="model_changed",
        )


def _require_scores(how: ConseqOptions, means: dict[str, dict[str, float]], folder: Path) -> None:
    """A round that was made without a QA model has no score by one."""
    for by, kind in ((how.positives, "references"), (how.negatives, "samples")):
        if by not in ("random", "none") and by not in means[kind]:
            raise ConfigError(
                f"the {kind} of {folder} have no {by!r} scores, only {', '.join(means[kind])}; "
                "make a round with objective.qa"
            )


def _require(
    positives: Sequence[object], negatives: Sequence[object], how: ConseqOptions, folder: Path
) -> None:
    missing = "S+" if not positives else "S-" if not negatives and how.negatives != "none" else None
    if missing is not None:
        raise DataError(
            f"nothing was chosen for {missing} from {folder}; loosen objective.rule, its limits or "
            "shares, or draw more samples into another run folder (objective.n_samples, --out)"
        )


_LEAST = 1e-20
"""``1 - p`` is never taken to be less (the source's clamp)."""


def unlikelihood(
    logits: Tensor, targets: Tensor, *, pad_id: int, smoothing: float = 0.1, weight: float = 1.0
) -> tuple[Tensor, int]:
    r"""Unlikelihood of S- (rule F2.2): the sum over tokens of :math:`-w \sum_k q(k) \log(1 - p_k)`.

    .. math:: L = \sum_{S+} \sum_t -\log p(s_t | s_{<t}, x) + w \sum_{S-} \sum_t -\log(1 - p(s_t))

    is divided by the number of target tokens of both parts (two parts of one denominator; a step
    computes a batch of each, sorted by length on their own, as in the source). The source's code is
    token-level, every token of a negative included; its paper writes the probability of the whole
    sequence. Departures: label smoothing spreads its mass over the other tokens without PAD, as
    ours does for likelihood, where the source takes the mean over the whole vocabulary; and a
    weight ``w`` (the source's is 1).

    :math:`q` is the smoothed target of ``smoothed_cross_entropy``: 1 - s on the token, s / (V - 2)
    on every other class but PAD.

    Args:
        logits: ``(..., V) float``; computed in fp32 whatever its type.
        targets: ``(...,) int64``; positions equal to ``pad_id`` do not count.
        pad_id: id of PAD.
        smoothing: ``s`` in [0, 1).
        weight: ``w``; the count is not weighted.

    Returns:
        The sum (fp32 scalar, nats) and the number of non-pad tokens.
    """
    flat, gold = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    kept = gold != pad_id
    log_p, gold = log_softmax(flat[kept].float(), dim=-1), gold[kept][:, None]
    other = smoothing / (logits.shape[-1] - 2)
    if other:
        rest = _log_of_rest(log_p)
        said = (1.0 - smoothing - other) * rest.gather(1, gold).sum()
        total = said + other * (rest.sum() - rest[:, pad_id].sum())
    else:
        total = _log_of_rest(log_p.gather(1, gold)).sum()
    return -weight * total, len(gold)


def _log_of_rest(log_p: Tensor) -> Tensor:
    """``log(1 - p)``; by ``expm1``, since 1 - p is 0 in fp32 where p is close to 1."""
    return torch.log((-torch.expm1(log_p)).clamp(min=_LEAST))
