"""What the reproduction is: systems (rows), the orders and decoders they are scored in, when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from d2t.errors import ConfigError
from d2t.io.hashing import sha256_json
from d2t.score.tasks import PlanMode  # noqa: TC001 - pydantic reads it at run time
from d2t.train.config.load import merged
from experiments.engine import rows
from experiments.engine.config import Section

if TYPE_CHECKING:
    from pathlib import Path

Recipe = Literal["base", "phrases", "self_training"]
Stage = Literal["train", "greedy", "beam"]
SCORE_STAGES: tuple[Stage, ...] = ("greedy", "beam")
DECODERS: dict[Stage, tuple[str, ...]] = {"greedy": ("greedy",), "beam": ("beam", "reranked")}
"""What each scoring stage writes; the candidates of ``beam`` are generated once for both."""


class Setting(Section):
    """One way of asking for orders.

    Attributes:
        title: for people.
        plans: mode of ``d2t.score.tasks.generation_tasks``; ``planner`` is the neural planner.
        permutations: random plans per MR.
        sentences: whether the breaks of a planner's plans are asked for too.
        stages: which decoders score it.
        alignment_only: whether only alignment-trained systems are asked.
        text: whether BLEU's statistics of greedy outputs are kept for paired tests (the files are
            committed).
    """

    title: str
    plans: PlanMode
    permutations: int = Field(default=1, ge=1)
    sentences: bool = False
    stages: tuple[Stage, ...] = ("greedy",)
    alignment_only: bool = False
    text: bool = False


class Row(rows.Row):
    """One trained system, what it builds on, and how it is scored.

    Attributes:
        group: heading of the table that the row stands in.
        priority: low ones are done first.
        recipe: ``base``; ``phrases`` (base data + phrases); ``self_training`` (rounds that begin
            with the run of row ``base`` and train on its data + samples; of a row with phrases,
            this is both, of a self-training row, further rounds).
        base: the row that this one builds on.
        score_on: corpora whose test split is scored; the training corpus when empty.
        settings: names of the settings; all that suit the strategy when None.
        stages: which decoders.
        permutations: random plans per MR in some settings, by name, instead of the settings' own.
        self_training: differences from the shared self-training options.
    """

    group: str = "Systems"
    priority: int = 50
    recipe: Recipe = "base"
    base: str | None = None
    score_on: tuple[str, ...] = ()
    settings: tuple[str, ...] | None = None
    stages: tuple[Stage, ...] = SCORE_STAGES
    permutations: dict[str, int] = Field(default_factory=dict)
    self_training: dict[str, Any] = Field(default_factory=dict)


class Claims(Section):
    """Who is compared with whom, by label.

    Attributes:
        control: the first controls order, the others do not.
        augmentation: the others improve the first one's control and cost no BLEU.
        greedy: greedy decoding of these is as faithful as reranked beams.
        bleu_margin: a loss of BLEU that is still none.
        ser_margin: a difference in SER (points) that is still "as faithful".
    """

    control: tuple[str, ...] = ()
    augmentation: tuple[str, ...] = ()
    greedy: tuple[str, ...] = ()
    bleu_margin: float = 0.5
    ser_margin: float = 0.05


class Target(Section):
    """One floor or ceiling that the best augmented model should meet.

    Attributes:
        name: for people.
        metric: key of a score.
        settings: names; the best of several counts.
        decoder: of the outputs.
        at_least, at_most: the bound.
        against: what the score is relative to: the ``base`` system's (difference), or the same
            system's in setting ``own`` (percent of change).
    """

    name: str
    metric: str
    settings: tuple[str, ...]
    decoder: str = "greedy"
    at_least: float | None = None
    at_most: float | None = None
    against: Literal["nothing", "base", "own"] = "nothing"


class Targets(Section):
    """The bounds, the systems that may meet them (development scores choose), and their base."""

    base: str = ""
    systems: tuple[str, ...] = ()
    items: tuple[Target, ...] = ()


class Samples(Section):
    """Random-plan outputs to be read by eye: of the first of ``rows`` that has any here."""

    rows: tuple[str, ...] = ()
    setting: str = "random"
    n: int = 100
    seed: int = 1


class Speeds(Section):
    """Measured on the machine at hand, for the printed estimates only; one thread.

    Attributes:
        train_pairs_per_s: training pairs.
        train_pairs: of the whole training split, by corpus.
        greedy_per_s: greedy utterances.
        beam_cost: of a beam search, in greedy ones.
        self_training_s: sampling and filtering of a self-training row, beside its training.
    """

    train_pairs_per_s: float = 200.0
    train_pairs: dict[str, int] = Field(default_factory=dict)
    greedy_per_s: float = 100.0
    beam_cost: float = 8.0
    self_training_s: float = 1800.0


class Table(rows.RowTable[Row]):
    """The whole reproduction; see ``table.toml``.

    Attributes:
        beam_size: of the beam stage.
        delays: added to the priority of a row's stage.
        speeds: for estimates.
        settings: by name.
        self_training: options that all self-training rows share.
        fluency: options of ``d2t train-fluency``; where there is such a table, samples of
            self-training are judged by a classifier of the row's own training texts.
        phrases: options of ``d2t augment phrases`` (``dedupe``, ``max_per_plan``, ``limit``, ...).
        planner: options of the neural planner (``d2t.plan.training.planner.PlannerSettings``).
        claims, targets, samples: what is said under the table.
    """

    beam_size: int = Field(default=8, ge=2)
    delays: dict[Stage, int] = Field(default_factory=dict)
    speeds: Speeds = Speeds()
    settings: dict[str, Setting]
    self_training: dict[str, Any] = Field(default_factory=dict)
    phrases: dict[str, Any] = Field(default_factory=dict)
    fluency: dict[str, Any] | None = None
    planner: dict[str, Any] = Field(default_factory=dict)
    claims: Claims = Claims()
    targets: Targets = Targets()
    samples: Samples = Samples()

    def labelled(self, label: str) -> tuple[Row, ...]:
        """The seeds of one system, in file order."""
        return tuple(row for row in self.rows if row.label == label)

    def self_training_options(self, row: Row) -> dict[str, Any]:
        """The self-training options of a row."""
        return merged(self.self_training, row.self_training)

    def corpora(self, row: Row) -> tuple[str, ...]:
        """The corpora that a row is scored on; the first is the main one."""
        return row.score_on or (self.train_config(row).data.corpus,)

    def settings_of(self, row: Row, stage: Stage) -> dict[str, Setting]:
        """What one scoring stage of a row asks for, by name."""
        aligned = self.train_config(row).strategy == "alignment"
        names = row.settings if row.settings is not None else tuple(self.settings)
        if stage not in row.stages:
            return {}
        chosen = {}
        for name in names:
            setting = self.settings[name]
            if stage in setting.stages and (aligned or not setting.alignment_only):
                n = row.permutations.get(name, setting.permutations)
                chosen[name] = setting.model_copy(update={"permutations": n})
        return chosen

    def asked(self, setting: Setting) -> str:
        """Identity of a setting's requests: what is asked of every row."""
        asked = setting.model_dump(mode="json", include={"plans", "permutations", "sentences"})
        shared = self.model_dump(mode="json", include={"split", "plan_seed", "limit", "beam_size"})
        if setting.plans == "planner":
            shared["planner"] = self.planner
        return sha256_json([asked, shared])[:16]

    def digest(self, row: Row) -> str:
        """Identity of what a row trains, as the TOML says it, with all that it builds on.

        Defaults that the TOML leaves out are no part of it, nor is any path: what an older d2t
        trained stays done when an option is added to the configuration.
        """
        strategy = self.train_config(row).strategy
        train = merged(self.train, {**row.train, "strategy": strategy})
        parts: dict[str, Any] = {"recipe": row.recipe, "train": train}
        if row.recipe == "phrases":
            parts["phrases"] = self.phrases
        if row.recipe == "self_training":
            parts["self_training"] = self.self_training_options(row)
            if self.fluency is not None:
                parts["fluency"] = self.fluency
        if row.base is not None:
            parts["base"] = self.digest(self.row(row.base))
        return sha256_json(parts)[:16]

    def check(self, path: Path) -> None:
        """Rows, settings and every training configuration.

        Raises:
            ConfigError: impossible values, or rows that build on rows that do not exist.
        """
        super().check(path)
        for row in self.rows:
            self._check_row(row)
        labels = {row.label for row in self.rows}
        claims, targets = self.claims, self.targets
        named = (*claims.control, *claims.augmentation, *claims.greedy, *targets.systems)
        for label in filter(None, (*named, targets.base)):
            if label not in labels:
                known = ", ".join(sorted(labels))
                raise ConfigError(f"{path}: no row is labelled {label!r}; {known}")

    def _check_row(self, row: Row) -> None:
        """Self-training has a base, nothing else has, and every name is known."""
        unknown = [name for name in row.settings or () if name not in self.settings]
        if unknown:
            known = ", ".join(self.settings)
            raise ConfigError(f"row {row.name}: no setting {unknown[0]!r}; {known}")
        if (row.base is None) == (row.recipe == "self_training"):
            raise ConfigError(f"row {row.name}: recipe {row.recipe} and base {row.base} do not go")
        if row.base is not None:
            self.row(row.base)
