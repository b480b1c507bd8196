"""What the last experiment is: models, ways of decoding, rows that are lists of these parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from experiments.faithfulness.conseq_config import Arms
from experiments.faithfulness.parser_judge import Parser  # noqa: TC001 - pydantic reads it at run time
from experiments.runner.toml_file import read_toml

if TYPE_CHECKING:
    from pathlib import Path

DECODING = {
    "contrast": "contrastive decoding",
    "rerank": "n-best reranking",
    "qa-ties": "QA breaks ties",
    "verified": "verified generation",
}
"""Parts that change how a model speaks, in the order in which they are named in a row."""
_NEEDS = {"qa-ties": "rerank"}


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(_Table):
    """A model that rows can begin with.

    Attributes:
        on: the model that it adds a part to; None: the base of all.
        bundles: trained elsewhere, a seed each, in the order of ``seeds``.
        train: trained here instead, with these tables over the configuration of ``on``'s training
            (of a base: alone); its seeds are those that ``on`` has.
    """

    title: str
    on: str | None = None
    bundles: tuple[str, ...] = ()
    train: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.bundles) == bool(self.train):
            raise ValueError("give either bundles or [train]")
        return self


class ConseqArms(Arms):
    """Continued trainings: each arm is a model, too.

    Attributes:
        on: the model that they go on from.
        controls: arms that the others are tested against, beside ``on``.
    """

    on: str
    controls: tuple[str, ...] = ()


class Contrast(_Table):
    """Which contrastive decoding: the one that the contrast experiment chose on development MRs.

    Attributes:
        of: TOML of that experiment, beside this one.
    """

    of: str


class Row(_Table):
    """A system.

    Attributes:
        parts: a model or an arm, then ways of decoding (``DECODING``).
    """

    parts: tuple[str, ...] = Field(min_length=1)

    @property
    def name(self) -> str:
        """Of its files."""
        return "+".join(self.parts)

    @property
    def model(self) -> str:
        """The model or arm."""
        return self.parts[0]

    @property
    def decoding(self) -> tuple[str, ...]:
        """How it speaks; nothing: greedily."""
        return self.parts[1:]


class TogetherExperiment(_Table):
    """The whole experiment.

    Attributes:
        title: heading of the table.
        results: folder under ``experiments/results/faithfulness`` and ``runs/faithfulness``.
        corpus, split: MRs that all rows say: in their own orders, and in a random one.
        n_mrs: the first so many of them; None: all.
        seeds: of the trainings; a row has as many as its model.
        plan_seed: of the random plans.
        beam: texts that are reranked.
        qa_of: TOML of the CONSEQ experiment, whose two QA models choose and judge here too.
        parser: the second judge; None: there is none.
        contrast: the contrast; rows with one need it.
        models, conseq, rows: see there.
    """

    title: str
    results: str = Field(pattern=r"^[a-z0-9-]+$")
    corpus: str
    split: Literal["dev", "test"] = "test"
    n_mrs: int | None = Field(default=None, ge=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    plan_seed: int = 20201116
    beam: int = Field(default=8, ge=2)
    qa_of: str
    parser: Parser | None = None
    contrast: Contrast | None = None
    models: dict[str, Model] = Field(min_length=1)
    conseq: ConseqArms | None = None
    rows: tuple[Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        bases = [(name, model.on) for name, model in self.models.items()]
        arms = self.conseq.arms if self.conseq else ()
        bases += [(arm.name, self.conseq.on) for arm in arms if self.conseq]
        names = [name for name, _ in bases]
        if len(set(names)) < len(names) or set(names) & set(DECODING):
            raise ValueError(f"two parts have one name: {', '.join([*names, *DECODING])}")
        if len({row.name for row in self.rows}) < len(self.rows):
            raise ValueError("two rows have the same parts")
        for name, on in bases:
            if on is not None and on not in self.models:
                raise ValueError(f"{name} is on no model: {on!r}; models: {', '.join(self.models)}")
        for row in self.rows:
            self._require(row, names)
        return self

    def _require(self, row: Row, models: list[str]) -> None:
        order = list(DECODING)
        if row.model not in models:
            raise ValueError(f"row {row.name} begins with no model; models: {', '.join(models)}")
        if unknown := [part for part in row.decoding if part not in DECODING]:
            raise ValueError(f"no such part: {unknown[0]!r}; decoding: {', '.join(DECODING)}")
        if list(row.decoding) != [part for part in order if part in row.decoding]:
            raise ValueError(f"row {row.name}: its parts once, in this order: {', '.join(order)}")
        for part, need in _NEEDS.items():
            if part in row.decoding and need not in row.decoding:
                raise ValueError(f"row {row.name}: {part!r} needs {need!r}")
        if "contrast" in row.decoding and self.contrast is None:
            raise ValueError(f"row {row.name}: there is no [contrast]")

    def title_of(self, part: str) -> str:
        """What a part is called."""
        if part in DECODING:
            return DECODING[part]
        if part in self.models:
            return self.models[part].title
        arm = self.conseq.arm(part) if self.conseq else None
        return part if arm is None else arm.label

    def label(self, row: Row) -> str:
        """All parts of a row: what its model stands on comes first."""
        chain: list[str] = [row.model]
        while (below := self.below(chain[0])) is not None:
            chain.insert(0, below)
        return " + ".join(self.title_of(part) for part in (*chain, *row.decoding))

    def below(self, model: str) -> str | None:
        """What a model or arm adds a part to."""
        if model in self.models:
            return self.models[model].on
        return self.conseq.on if self.conseq else None

    def without(self, row: Row) -> list[tuple[str, Row]]:
        """For each part of a row, the rows that lack it alone: (part, row); controls, too."""
        below = self.below(row.model)
        others = [below] if below is not None else []
        if self.conseq and self.conseq.arm(row.model) and row.model not in self.conseq.controls:
            others += self.conseq.controls
        wanted = [(row.model, (other, *row.decoding)) for other in others]
        wanted += [(part, tuple(p for p in row.parts if p != part)) for part in row.decoding]
        found = {other.parts: other for other in self.rows}
        return [(part, found[parts]) for part, parts in wanted if parts in found]


def load_experiment(path: Path) -> TogetherExperiment:
    """Read the TOML file.

    Raises:
        ConfigError: unknown keys or impossible values, with their place.
    """
    return read_toml(path, TogetherExperiment)
