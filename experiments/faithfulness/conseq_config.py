"""What the CONSEQ experiment is: a noisy model, a round of samples, arms that learn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from d2t.judges.qa.training.qa import QAConfig
from d2t.train.config.config_file import merged, validate
from d2t.train.config.init_config import inherited
from experiments.faithfulness.parser_judge import Parser  # noqa: TC001 - pydantic reads it at run time
from experiments.faithfulness.qa_config import QAExperiment
from experiments.runner.toml_file import read_toml

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.train.config.config import TrainConfig


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Arm(_Table):
    """One row of the table.

    Attributes:
        kind: ``base``: the model that all others start from; ``continued``: trained on with the
            likelihood of all references; ``conseq``: with what is chosen from the round.
        objective: what a ``conseq`` arm changes of the shared ``[objective]``.
        beam: of decoding; above 1 the ``beam`` best are reranked by the checker.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    label: str
    kind: Literal["base", "continued", "conseq"] = "conseq"
    objective: dict[str, Any] = {}
    beam: int = Field(default=1, ge=1)


class QAModels(_Table):
    """The two QA models: one chooses, the other one judges.

    They share no seed; each draws from the same training texts, so that they have some in common
    (of 16,000 of 33,500, half), and questions, shape and labels are the same. The judge of an arm
    that the first one chose for is a relative of it; the parser is none.

    Attributes:
        corpus: whose training split teaches them.
        seed: of the first; the second has the next one.
        utterances: that each draws; 0: all.
        n_wordings: questions a slot that the judge asks.
        model: how they are trained.
    """

    corpus: str
    seed: int = 1
    utterances: int = Field(default=0, ge=0)
    n_wordings: int = Field(default=2, ge=1)
    model: QAConfig = QAConfig()

    def experiment(self, number: int) -> QAExperiment:
        """What model ``number`` is trained as (``qa_train`` reads it)."""
        seed = self.seed + number
        return QAExperiment(
            corpus=self.corpus,
            seed=seed,
            utterances=self.utterances,
            records=1,
            diverse_records=0,
            n_wordings=self.n_wordings,
            model=self.model.model_copy(update={"seed": seed}),
        )


class Arms(_Table):
    """Trainings that go on from a finished one, with equal updates.

    Attributes:
        continued: what continued trainings change of their defaults; the same for all arms, so
            that updates are equal.
        objective: shared options of the ``conseq`` arms; the first of them draws the round.
        arms: what is trained.
    """

    continued: dict[str, Any] = {}
    objective: dict[str, Any] = {}
    arms: tuple[Arm, ...] = Field(min_length=1)

    def arm(self, name: str) -> Arm | None:
        """The arm of that name."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def drawer(self) -> Arm | None:
        """The arm that draws the round which the others choose from."""
        return next((arm for arm in self.arms if arm.kind == "conseq"), None)

    def arm_config(
        self, arm: Arm, seed: int, base: Path, *, round: Path | None, qa: Path | None
    ) -> TrainConfig:
        """A continued training.

        Args:
            arm: not of kind ``base``.
            seed: of its draws.
            base: finished run to start from.
            round: finished round to choose from; None: the arm draws it.
            qa: the QA model that chooses.
        """
        raw = merged(inherited(str(base)), {**self.continued, "init": str(base), "seed": seed})
        if arm.kind == "conseq":
            given = {"round": round, "qa": qa}
            places = {name: str(path) for name, path in given.items() if path is not None}
            raw["objective"] = {"name": "conseq", **self.objective, **arm.objective, **places}
        return validate(raw, f"arm {arm.name}")


class ConseqExperiment(Arms):
    """The whole experiment.

    Attributes:
        title: heading of the table.
        results: folder under ``experiments/results/faithfulness``.
        corpus, split: MRs that all arms say, and their references.
        n_mrs: the first so many of them; None: all.
        seeds: of the base trainings and all that follows; a table of one column each, pooled.
        parser: a learned parser, a judge that no arm was chosen by; None: there is none.
        against: arms that the others are tested against.
        base: configuration of the base training, as a file of ``d2t train``.
        qa: the QA models; None: there are no QUALS arms, and no judge of that kind.
    """

    title: str
    results: str = Field(pattern=r"^[a-z0-9-]+$")
    corpus: str
    split: Literal["dev", "test"] = "test"
    n_mrs: int | None = Field(default=None, ge=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    parser: Parser | None = None
    against: tuple[str, ...] = ()
    base: dict[str, Any]
    qa: QAModels | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("two arms have one name")
        if unknown := [name for name in self.against if name not in names]:
            raise ValueError(f"against names no arm: {unknown[0]!r}; arms: {', '.join(names)}")
        return self

    def base_config(self, seed: int) -> TrainConfig:
        """The base training."""
        return validate(merged(self.base, {"seed": seed}), "[base]")


def load_experiment(path: Path) -> ConseqExperiment:
    """Read the TOML file.

    Raises:
        ConfigError: unknown keys or impossible values, with their place.
    """
    return read_toml(path, ConseqExperiment)
