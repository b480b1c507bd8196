"""``d2t self-train CONFIG.toml``: base training, sampling, filters and retraining in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from d2t.errors import ConfigError
from d2t.io.hashing import sha256_json
from d2t.section import Section
from d2t.train.config.load import (
    assign,
    bundle_of,
    complaint,
    merged,
    parse_assignment,
    read_toml,
    to_toml,
    validate,
)
from d2t.train.config.options import TrainConfig  # noqa: TC001 - pydantic reads the annotation

Agreement = Literal["none", "mr", "plan"]


class SampleConfig(Section):
    """``[sample]``: which MRs and plans are proposed, and how texts are drawn for them.

    Attributes:
        target: accepted samples of a round, in equal parts for the proposed sizes.
        max_proposals: proposals of a round at most, whether or not the target is reached.
        block: proposals between two updates of the counts; a resumed round repeats at most one.
        min_size, max_size: number of different slots of a proposal (rule O7.4), as far as the
            domain has them; second values come on top.
        min_value_share: a value is proposed when this share of the training MRs has it; inverse
            counts would otherwise ask most for what the model has not learned to say.
        always_share: a slot that this share of the training MRs has is in every proposal.
        multi_boost: how many times as often as in the training MRs a slot gets two values. They
            are pairs that training MRs have; boolean slots never get two.
        multi_share: share of proposals in which one slot, and only one, has two values, instead of
            each with its own chance; most often those two (of an open slot, any two) that accepted
            samples have said least often. Above 0, ``multi_boost`` and ``pair_power`` have no say.
        pair_power: a pair is drawn in proportion to its count in training MRs to this power.
        neighbours: share of random orders in which the two values of a slot stand side by side,
            where one of them is most easily forgotten; 0 leaves it to chance.
        random_plans: share of proposals in a random order; the others follow the model's planner.
        planned_breaks: share of proposals whose sentence ends are drawn too.
        sentence_share: a planned sentence has the slots of a sentence that this share of the
            training texts has; lower, fragments come in ("In the city centre. It is a pub").
        per_proposal: samples of one proposal that are accepted at most.
        retries: how often texts are drawn again for proposals that left no sample. With
            ``filter.agree`` this asks most for what the model seldom gets right: beams and first
            samples repeat a fault that one of many samples does not have.
        joined: texts of a proposal at most that are joined from sentences which say parts of its
            plan, each proved (plan segments), and judged where no draw left a sample. What people
            never say side by side (two prices) comes in this way. The sentences are phrases of kind
            ``sentence``: a base model that was trained without phrases has none.
        method, n_samples, keep, std, temperature, top_p: see ``SamplingOptions``.
        batch_size: texts that are drawn at once.
    """

    target: int = Field(default=30_000, ge=1)
    max_proposals: int = Field(default=120_000, ge=1)
    block: int = Field(default=480, ge=1)
    min_size: int = Field(default=3, ge=1)
    max_size: int = Field(default=8, ge=1)
    min_value_share: float = Field(default=0.001, ge=0, lt=1)
    always_share: float = Field(default=0.99, gt=0, le=1)
    multi_boost: float = Field(default=2.5, ge=0)
    multi_share: float = Field(default=0.0, ge=0, le=1)
    pair_power: float = Field(default=0.5, ge=0, le=1)
    neighbours: float = Field(default=0.0, ge=0, le=1)
    random_plans: float = Field(default=0.75, ge=0, le=1)
    planned_breaks: float = Field(default=0.5, ge=0, le=1)
    sentence_share: float = Field(default=0.0005, ge=0, le=1)
    per_proposal: int = Field(default=1, ge=1)
    retries: int = Field(default=0, ge=0)
    joined: int = Field(default=0, ge=0)
    method: Literal["noise", "ancestral"] = "noise"
    n_samples: int = Field(default=3, ge=1)
    keep: int = Field(default=3, ge=1)
    std: float = Field(default=1.0, ge=0)
    temperature: float = Field(default=1.0, gt=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    batch_size: int = Field(default=128, ge=1)

    @model_validator(mode="after")
    def _sizes_rise(self) -> SampleConfig:
        if self.min_size > self.max_size:
            raise ValueError(f"min_size {self.min_size} is above max_size {self.max_size}")
        return self


class FilterConfig(Section):
    """``[filter]``: which samples are believed. Quantiles are of development data.

    Attributes:
        agree: what must be as proposed: nothing (rule O7.5), the MR, or the MR and its order.
        agree_breaks: where the proposal plans sentences, they must be as planned too.
        confidence_quantile: samples with a lower mean log-probability than this quantile of greedy
            outputs for development MRs in random orders are dropped; 0 keeps all.
        fluency_quantile: likewise for the language-model score of the text's skeleton, against
            development references. Samples are plainer than references, so high quantiles cost
            few good ones.
        window_quantile: likewise for the worst ``window`` neighbouring words of the skeleton.
        lm_order: words of the language model's n-grams.
        window: words of the worst window.
        repeated_words: a run of this many words that comes twice is a repetition.
        rare_share: a word that says no slot must do so in this share of the training references
            ("wine" without a slot for drinks).
        telling_share: a word that in this share of the references is part of a slot's wording must
            be in every sample ("near the city" without an area).
        bound_share: a word that says no slot, but in this share of its references stands beside
            one and the same slot, needs that slot ("price" without a price).
        clauses: whether each sentence must have one predicate for each of its clauses, as English
            has (``d2t.language.habits.clauses``).
        classifier: folder of a fluency classifier, or none.
        classifier_quantile: likewise for its scores, against development references.
        joined_share: texts joined of parts (``sample.joined``) are held to this share of the three
            quantiles of fluency: they say what no reference says, in sentences that are one by one
            the model's best.
        n_dev: development MRs whose greedy outputs give the confidence threshold.
        parser: folder of a learned parser that must read the same slots, or none.
    """

    agree: Agreement = "none"
    agree_breaks: bool = False
    confidence_quantile: float = Field(default=0.05, ge=0, lt=1)
    fluency_quantile: float = Field(default=0.4, ge=0, lt=1)
    window_quantile: float = Field(default=0.6, ge=0, lt=1)
    lm_order: int = Field(default=5, ge=1)
    window: int = Field(default=4, ge=1)
    repeated_words: int = Field(default=4, ge=2)
    rare_share: float = Field(default=0.005, ge=0, lt=1)
    telling_share: float = Field(default=0.93, gt=0, le=1)
    bound_share: float = Field(default=0.98, gt=0, le=1)
    n_dev: int = Field(default=300, ge=1)
    parser: str | None = None
    clauses: bool = False
    classifier: str | None = None
    classifier_quantile: float = Field(default=0.2, ge=0, lt=1)
    joined_share: float = Field(default=0.5, ge=0, le=1)

    def for_joined(self) -> FilterConfig:
        """The same filters, milder about fluency."""
        names = ("fluency_quantile", "window_quantile", "classifier_quantile")
        return self.model_copy(update={n: self.joined_share * getattr(self, n) for n in names})


class SelfTrainingConfig(Section):
    """Everything that decides what self-training computes.

    Attributes:
        rounds: how often samples are drawn and a model is trained on them.
        seed: of proposals and samples; the trainings have their own in ``base`` and ``retrain``.
        base_model: a finished run folder or bundle that replaces the base training. Of a run
            folder, ``config.toml`` is what ``[base]`` is put on top of.
        base: the training without samples.
        sample, filter: see ``SampleConfig`` and ``FilterConfig``.
        retrain: what the trainings with samples change of ``base``, as in a training file.
    """

    rounds: int = Field(default=1, ge=1)
    seed: int = Field(default=1, ge=0, lt=2**63)
    base_model: str | None = None
    base: TrainConfig
    sample: SampleConfig = SampleConfig()
    filter: FilterConfig = FilterConfig()
    retrain: dict[str, Any] = Field(default_factory=dict)

    def retraining(self, samples: list[Path]) -> TrainConfig:
        """The training on the base data and these files of samples."""
        raw = merged(self.base.model_dump(mode="json"), self.retrain)
        config = validate(raw, "[retrain]")
        files = (*config.data.augment, *map(str, samples))
        return config.model_copy(update={"data": config.data.model_copy(update={"augment": files})})

    def as_dict(self) -> dict[str, Any]:
        """The resolved configuration, JSON-able."""
        raw = self.model_dump(mode="json")
        raw["base"] = self.base.as_dict()
        return raw

    def digest(self) -> str:
        """SHA-256 of what is computed: devices, threads and logging do not change it."""
        raw = self.as_dict()
        raw["base"].pop("run")
        raw["retrain"].pop("run", None)
        return sha256_json(raw)

    def to_toml(self) -> str:
        """TOML that ``load_self_training_config`` reads back to an equal configuration."""
        return to_toml(self.as_dict())


def load_self_training_config(path: Path, *, sets: tuple[str, ...] = ()) -> SelfTrainingConfig:
    """Read and check a file; ``sets`` are assignments such as ``sample.target=3000``.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, or an impossible value.
    """
    raw = read_toml(path)
    for assignment in sets:
        key, value = parse_assignment(assignment)
        assign(raw, key, value)
    return checked(raw, str(path))


def checked(raw: dict[str, Any], origin: str) -> SelfTrainingConfig:
    """The configuration that ``raw`` describes; the first complaint becomes a ``ConfigError``."""
    raw = dict(raw)
    base = raw.get("base", {})
    if not isinstance(base, dict):
        raise ConfigError(f"{origin}: base must be a table of training options, [base]")
    raw["base"] = validate(_with_run(raw.get("base_model"), base), f"{origin} [base]")
    try:
        config = SelfTrainingConfig.model_validate(raw)
    except ValidationError as error:
        raise complaint(error, raw, origin, SelfTrainingConfig) from error
    config.retraining([])  # its errors belong to the start, not to the hour after sampling
    return config


def _with_run(base_model: object, base: dict[str, Any]) -> dict[str, Any]:
    """``base`` on top of the configuration of the run that the base model comes from."""
    if not isinstance(base_model, str):
        return base
    path = Path(base_model)
    for folder in (path, path.parent):
        if (folder / "config.toml").is_file() and bundle_of(base_model).is_dir():
            return merged(read_toml(folder / "config.toml"), base)
    return base
