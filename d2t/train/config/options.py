"""The options of a training run with their constraints: one frozen tree, and its digest."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from d2t.errors import ConfigError
from d2t.io.hashing import sha256_json
from d2t.model.config import ModelConfig, TransformerConfig
from d2t.mr.reader import ReadOptions
from d2t.registry import Registry
from d2t.section import Section

if TYPE_CHECKING:
    from d2t.linearize.source import PlanFirst


class ObjectiveOptions(Section):
    """The table of one objective; a subclass adds its options.

    Attributes:
        name: under which the class is registered.
        default_strategy: the strategy of configurations that choose this objective and name none;
            None is the usual one.
        pair_kinds: kinds of pairs (``Example.kind``) that only this objective can learn from.
    """

    name: str
    default_strategy: ClassVar[str | None] = None
    pair_kinds: ClassVar[frozenset[str]] = frozenset()

    @property
    def plan_first(self) -> PlanFirst | None:
        """How the decoder writes the plan before the utterance; None: it does not."""
        return None

    def require(self, strategy: str, architecture: str, init: str | None) -> None:
        """Raise ``ValueError`` where the rest of the configuration does not go with it."""


OBJECTIVES: Registry[type[ObjectiveOptions]] = Registry(
    "training objective", "d2t.objectives", "d2t.recipes:OBJECTIVES"
)
"""The objectives by name."""


def objective_class(table: Any) -> type[ObjectiveOptions]:
    """The class that a raw ``[objective]`` table names.

    Raises:
        ValueError: it is no table, has no name, or the name is not registered.
    """
    if not isinstance(table, dict) or not isinstance(name := table.get("name"), str):
        raise ValueError(f"give objective.name, one of {', '.join(OBJECTIVES.names())}")
    try:
        return OBJECTIVES.get(name)
    except ConfigError as error:
        raise ValueError(str(error)) from error


Metric = Literal["score", "dev_loss", "dev_ser", "dev_order", "dev_bleu"]


class ReadingConfig(Section):
    """``[data.reading]``: how corpus files are read that are not registered.

    Attributes:
        map: ``COLUMN=SLOT,...``.
        id: the column of the ids.
        ignore: columns that are left out, separated by commas; ``*``: all that are not understood.
        blank: words for no value, beside the usual ones.
        delimiter: of CSV.
        sheet: of an Excel workbook.
        skip_bad: leave bad records out instead of stopping at the first.
    """

    map: str | None = None
    id: str | None = None
    ignore: str | None = None
    blank: tuple[str, ...] = ()
    delimiter: str | None = None
    sheet: str | None = None
    skip_bad: bool = False

    def options(self) -> ReadOptions:
        """As the reader takes them."""
        return ReadOptions(**self.model_dump())


class DataConfig(Section):
    """``[data]``: which pairs, and what is done to them before training.

    Attributes:
        corpus: a registered corpus (``mini``, ``e2e``, ``e2e_cleaned``, ``viggo``).
        train, dev, test: files (CSV with mr,ref or JSONL) that replace the splits of ``corpus``. A
            train file beside the default corpus stands alone: it needs a dev file.
        domain: a shipped domain or a folder with a ``domain.toml``; configuration files that name
            none get the corpus's.
        lexicon: files that are layers above the lexicon of the domain, the last on top; the bundle
            gets all layers as its lexicon.
        correct: replace train and dev MRs by what their text says (rule O1.6).
        remove_overlap: drop train and dev pairs whose MR occurs in the test split (rule O1.7).
        mask_share: chance that a closed value which the text says verbatim is shown as a
            placeholder, drawn anew each epoch; it teaches copying of values never seen in training.
        vocab_size: at most this many subword pieces, symbols included.
        break_share: chance that a training pair shows where its sentences end, drawn anew each
            epoch, so that the model obeys sentence plans and does without them too (alignment).
        augment: JSONL files of further pairs (``d2t augment``, ``d2t self-train``), trained on
            beside the corpus; they do not extend its vocabulary, tables or planner (rule O3.1).
        clauses: leave out training pairs, and sentences and clauses of ``augment``, that lack a
            verb or have one too many (``d2t.language.habits.clauses``; for English).
        share: part of the training references to use, taken by whole MRs; 1.0 is all.
        share_seed: which MRs these are.
        limit: use only the first pairs of the training split.
        reading: how files are read that are no registered corpus.
    """

    corpus: str = "mini"
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    domain: str = "restaurant"
    lexicon: tuple[str, ...] = ()
    correct: bool = True
    remove_overlap: bool = True
    mask_share: float = Field(default=0.2, ge=0.0, le=1.0)
    break_share: float = Field(default=0.5, ge=0.0, le=1.0)
    vocab_size: int = Field(default=1200, ge=100)
    augment: tuple[str, ...] = ()
    clauses: bool = False
    share: float = Field(default=1.0, gt=0.0, le=1.0)
    share_seed: int = 0
    limit: int | None = Field(default=None, ge=1)
    reading: ReadingConfig | None = None

    def reads(self) -> ReadOptions | None:
        """How files are read that are no registered corpus."""
        return None if self.reading is None else self.reading.options()


class OptimConfig(Section):
    """``[train]``: the loop.

    Attributes:
        epochs: passes over the pairs, at most.
        max_steps: optimizer steps, at most; the schedule ends there when it is set.
        batch_size: rows of a batch; every batch has the same number of rows.
        batch_tokens: padded target tokens of a batch instead; rows are then constant per shape.
        accumulate: batches per optimizer step.
        lr: peak learning rate; None takes 1e-3 from scratch and 1e-4 for a pretrained checkpoint.
        schedule: what follows the linear warm-up.
        warmup_steps: steps of warm-up; None takes 6% of all steps, at most 400.
        label_smoothing: mass spread over the other tokens (rule O5.2).
        weight_decay: AdamW's, on matrices only.
        clip: largest gradient norm; 0 turns clipping off.
        average: decay of the moving average of the weights, which is evaluated and kept; 0 is off.
        precision: ``auto`` is bf16 where the processor computes in it, else fp32.
        source_multiple, target_multiple: lengths are padded to multiples of these, so that the CPU
            backend compiles for a few shapes only.
        max_length: pairs with longer sources or targets (in tokens) are left out, and counted.
    """

    epochs: float = Field(default=10, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=64, ge=1)
    batch_tokens: int | None = Field(default=None, ge=64)
    accumulate: int = Field(default=1, ge=1)
    lr: float | None = Field(default=None, gt=0)
    schedule: Literal["cosine", "inverse_sqrt", "linear", "constant"] = "cosine"
    warmup_steps: int | None = Field(default=None, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, ge=0)
    average: float = Field(default=0.998, ge=0, lt=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    source_multiple: int = Field(default=8, ge=1)
    target_multiple: int = Field(default=8, ge=1)
    max_length: int = Field(default=160, ge=8)


class SelectConfig(Section):
    """``[select]``: when to evaluate, on what, and which evaluation wins.

    ``score = BLEU - 5 SER - 0.5 (100 - order accuracy)``: greedy outputs of ``n_mrs`` development
    MRs, each in the strategy's own order, all in 0-100 units; higher is better. ``dev_loss`` is the
    teacher-forced cross-entropy in nats per token on ``n_pairs`` pairs.

    Attributes:
        metric: ``score`` (above), or one of its parts alone, or ``dev_loss``.
        every: optimizer steps between evaluations; None evaluates at the end of each epoch.
        n_mrs: development MRs decoded per evaluation; 0 only with ``metric = "dev_loss"``.
        n_pairs: development pairs whose loss is taken.
        patience: stop after this many evaluations without a better one; 0 never stops early.
        n_samples: outputs written to ``samples.jsonl`` per evaluation.
    """

    metric: Metric = "score"
    every: int | None = Field(default=None, ge=1)
    n_mrs: int = Field(default=200, ge=0)
    n_pairs: int = Field(default=1000, ge=1)
    patience: int = Field(default=0, ge=0)
    n_samples: int = Field(default=5, ge=0)


class RunConfig(Section):
    """``[run]``: how the work is carried out; no part of what is computed, nor of the hash.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        threads: CPU threads; None leaves torch's choice.
        log_every: optimizer steps between log lines when there is no progress bar.
        checkpoint_every_s: seconds between checkpoints beside those of evaluations.
    """

    device: str = "auto"
    threads: int | None = Field(default=None, ge=1)
    log_every: int = Field(default=100, ge=1)
    checkpoint_every_s: float = Field(default=300.0, gt=0)


class TrainConfig(Section):
    """Everything that decides what ``d2t train`` computes (and ``run``, which does not).

    Attributes:
        strategy: ``random``, ``increasing_frequency``, ``fixed_position``, ``alignment``, an alias.
        seed: seed of everything random.
        init: a finished run or a bundle whose weights, tokenizer, fitted tables and planners are
            the first ones; None starts from random weights. What its training was is then the
            default here, at a tenth of the learning rate (``d2t.train.config.load``).
        objective: what is learnt beside, or instead of, the likelihood of the references; None is
            that alone.
    """

    strategy: str = "alignment"
    seed: int = Field(default=1, ge=0, lt=2**63)
    init: str | None = None
    data: DataConfig = DataConfig()
    model: Annotated[ModelConfig, Field(default_factory=TransformerConfig)]
    train: OptimConfig = OptimConfig()
    select: SelectConfig = SelectConfig()
    objective: SerializeAsAny[ObjectiveOptions] | None = None
    run: RunConfig = RunConfig()

    @field_validator("strategy")
    @classmethod
    def _canonical(cls, name: str) -> str:
        from d2t.linearize.base import STRATEGIES

        return STRATEGIES.get(name).name

    @field_validator("objective", mode="before")
    @classmethod
    def _registered(cls, table: Any) -> ObjectiveOptions | None:
        """The table of the objective, by the class that is registered under its name."""
        if table is None or isinstance(table, ObjectiveOptions):
            return table
        return objective_class(table).model_validate(table)

    @model_validator(mode="after")
    def _objective_fits(self) -> Self:
        if self.objective is not None:
            self.objective.require(self.strategy, self.model.architecture, self.init)
        return self

    @property
    def plan_first(self) -> PlanFirst | None:
        """How the decoder says the plan before the utterance; None: it does not."""
        return None if self.objective is None else self.objective.plan_first

    @property
    def run_name(self) -> str:
        """What the run's folder is called if the caller names none."""
        source = PurePath(self.data.train or self.data.corpus).stem
        return "-".join([source, self.strategy, self.model.architecture, str(self.seed)])

    @property
    def peak_rate(self) -> float:
        """``train.lr``, or what suits the architecture."""
        if self.train.lr is not None:
            return self.train.lr
        return 1e-4 if self.model.architecture == "pretrained" else 1e-3

    def as_dict(self) -> dict[str, Any]:
        """The resolved configuration, JSON-able; ``train.lr`` is the rate that is used.

        Without an objective, ``init``, ``data.reading`` or ``data.lexicon`` there is no such key:
        digests stay what they were.
        """
        raw = self.model_dump(mode="json")
        raw["train"]["lr"] = self.peak_rate
        for name in ("objective", "init"):
            if raw[name] is None:
                del raw[name]
        for name in ("reading", "lexicon"):
            if not raw["data"][name]:
                del raw["data"][name]
        return raw

    def digest(self) -> str:
        """SHA-256 of what is computed; ``run`` (device, threads, logging) does not change it."""
        return sha256_json({name: part for name, part in self.as_dict().items() if name != "run"})
