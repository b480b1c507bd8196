"""``python -m experiments.faithfulness.conseq``: contrastive training against its controls.

For each seed: a base model by likelihood on noisy pairs, one round of scored samples, and the arms,
all with equal updates from the same base; their texts for MRs nobody trained on are judged by the
slot checker, by a QA model that chose nothing, and (if given) by a learned parser. What is finished
is kept, so that a run can be ended and gone on with, on another machine too: the statistics of each
arm are among the results.
"""

from __future__ import annotations

import sys
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.io.hashing import sha256_file
from d2t.judges.qa.model import QAModel
from d2t.judges.qa.reader import QAReader
from d2t.judges.qa.training.train import QAConfig
from d2t.language.template import template_words
from d2t.mr.domain import load_domain
from d2t.recipes.run import train
from d2t.score.records import read_evaluation_records
from d2t.score.report.report import markdown_table
from d2t.score.text import copied, distinct, template_of_text
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import bundle_digest, inherited, merged, validate
from d2t.train.loop.progress import Lines
from experiments.engine.command import ONLY, Command, Outcome
from experiments.engine.config import Section
from experiments.engine.steps import carry_out, read_json, step_file, write_outputs_once
from experiments.engine.table import difference_cell, mean_and_sd
from experiments.faithfulness.judges import (
    METRICS,
    Experiment,
    Judges,
    Parser,
    differences_table,
    parser_judge,
    scores_by_seed,
    tested,
    with_single,
)
from experiments.faithfulness.qa import QAExperiment, trained_model

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.train.config.options import TrainConfig
    from experiments.engine.command import Places
    from experiments.engine.steps import Rows, StepResult


class Arm(Section):
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
    objective: dict[str, Any] = Field(default_factory=dict)
    beam: int = Field(default=1, ge=1)


class QAModels(Section):
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


class Arms(Section):
    """Trainings that go on from a finished one, with equal updates.

    Attributes:
        continued: what continued trainings change of their defaults; the same for all arms, so
            that updates are equal.
        objective: shared options of the ``conseq`` arms; the first of them draws the round.
        arms: what is trained.
    """

    continued: dict[str, Any] = Field(default_factory=dict)
    objective: dict[str, Any] = Field(default_factory=dict)
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


class ConseqExperiment(Experiment, Arms):
    """The whole experiment.

    Attributes:
        corpus, split: MRs that all arms say, and their references.
        seeds: of the base trainings and all that follows; a table of one column each, pooled.
        parser: a learned parser, a judge that no arm was chosen by; None: there is none.
        against: arms that the others are tested against.
        base: configuration of the base training, as a file of ``d2t train``.
        qa: the QA models; None: there are no QUALS arms, and no judge of that kind.
    """

    corpus: str
    split: Literal["dev", "test"] = "test"
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


TESTED = ("missing", "ser", "exact", "bleu", "qa_f1", "qa_missing", "parser_missing")


def results_of(
    experiment: ConseqExperiment, judged: Mapping[str, Mapping[int, StepResult]]
) -> dict[str, Any]:
    """By arm: each seed's scores, and the differences to the arms it is tested against.

    Args:
        experiment: names the arms.
        judged: by arm and seed; arms and seeds that are not there yet are left out.
    """
    found: dict[str, Any] = {}
    for arm in experiment.arms:
        own = judged.get(arm.name, {})
        if not own:
            continue
        varieties = [kept.facts["variety"] for kept in own.values()]
        found[arm.name] = {
            "label": arm.label,
            "seeds": list(own),
            "scores": scores_by_seed([kept.rows for kept in own.values()])
            | {
                metric: [round(seed[metric], 4) for seed in varieties]
                for metric in METRICS
                if metric in varieties[0]
            },
            "training": {seed: kept.facts["training"] for seed, kept in own.items()},
            "samples": next(iter(own.values())).facts["samples"],
            "against": {
                other: tests
                for other in experiment.against
                if other != arm.name and (tests := tested(judged.get(other, {}), own, TESTED))
            },
        }
    return found


def table(manifest: dict[str, Any]) -> str:
    """Markdown from the written results: scores (mean ± sd over seeds), then the tests."""
    arms, config = manifest["metrics"]["arms"], manifest["config"]
    metrics = [m for m in METRICS if any(m in arm["scores"] for arm in arms.values())]
    training = ["updates", "S+", "S-", "passes"]
    header = ["arm", "seeds", *training, *(METRICS[m] for m in metrics)]
    rows = [
        [
            arm["label"],
            str(len(arm["seeds"])),
            *_training(arm),
            *(mean_and_sd(arm["scores"].get(m, [])) for m in metrics),
        ]
        for arm in arms.values()
    ]
    parts = [
        f"# {config['title']}",
        f"{manifest['metrics']['n_mrs']} MRs of {config['corpus']} {config['split']}, seeds "
        f"{', '.join(map(str, config['seeds']))}; commit {str(manifest['git']['sha'])[:8]}. "
        "Intervals and p are of a paired bootstrap over MRs, seeds added up: for the models that "
        "were trained here, not for trainings yet to come; each cell by itself.",
        markdown_table(header, rows),
    ]
    for other in config["against"]:
        tests = [(a["label"], a["against"][other]) for a in arms.values() if other in a["against"]]
        if tests:
            parts += [
                f"## Against {arms[other]['label']}: difference [95% interval], p (each seed)",
                differences_table(
                    tests, {metric: METRICS[metric] for metric in TESTED}, _difference
                ),
            ]
    return "\n\n".join(parts) + "\n"


def _training(arm: dict[str, Any]) -> list[str]:
    """Updates of the arm, the sizes of its sets and the passes over them, in its first seed."""
    facts = next(iter(arm["training"].values()))
    if facts is None:
        return ["-"] * 4
    counts = facts["counts"]
    sizes = [counts.get(f"conseq_{side}") for side in ("positives", "negatives")]
    taught = sum(size or 0 for size in sizes) or counts.get("train_used", 0)
    passes = f"{facts.get('pairs_seen', 0) / taught:.1f}" if taught else "-"
    return [str(facts["steps"]), *("-" if n is None else str(n) for n in sizes), passes]


def _difference(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "-"
    alone = found.get("by_seed", [])
    return f"{difference_cell(found)}, p = {found['p']:.3f}" + (
        f" ({', '.join(f'{one:+.2f}' for one in alone)})" if len(alone) > 1 else ""
    )


_FACTS = ("steps", "counts", "pairs_seen", "train_wall_s", "machine")
COMMAND_LINE = ["python", "-m", "experiments.faithfulness.conseq"]


class Workspace:
    """What is trained, said and judged; each step finds what it has done, here or elsewhere."""

    def __init__(self, experiment: ConseqExperiment, places: Places) -> None:
        self.experiment, self.places, self.folder = experiment, places, places.runs
        self.domain = load_domain(experiment.base_config(experiment.seeds[0]).data.domain)
        self.checker = SlotChecker.for_domain(self.domain)

    @cached_property
    def examples(self) -> list[Example]:
        """What all arms say."""
        corpus, split = self.experiment.corpus, self.experiment.split
        groups = group_references(load_split(corpus, split, self.domain))
        return groups[: self.experiment.n_mrs]

    @cached_property
    def judges(self) -> Judges:
        """Trained at the first text that is to be judged."""
        models = self.experiment.qa
        parser, parser_name = parser_judge(self.experiment.parser, self.checker, self.places)
        judge = None if models is None else qa_model(models, self.folder, "judge")
        reader = None if judge is None else QAReader(QAModel.load(judge))
        return Judges(self.checker, reader, parser, parser_name, models.n_wordings if models else 1)

    @cached_property
    def chooser(self) -> Path | None:
        """The QA model that rounds are scored by."""
        models = self.experiment.qa
        return None if models is None else qa_model(models, self.folder, "chooser")

    def identity(self, arm: Arm, seed: int) -> dict[str, Any]:
        """What decides an arm's numbers."""
        experiment = self.experiment
        asked = {"corpus", "split", "n_mrs", "base", "qa", "parser"}
        if arm.kind != "base":
            asked |= {"continued", "objective"}
        drawer = experiment.drawer() if arm.kind == "conseq" else None
        return {
            **experiment.model_dump(mode="json", include=asked),
            "arm": arm.model_dump(mode="json", exclude={"label"}),
            "drawer": None if drawer is None else drawer.objective,
            "seed": seed,
            "domain": self.domain.digest,
        }

    def bundle(self, arm: Arm, seed: int) -> Path:
        """The arm's model, trained if it is not yet."""
        folder = self.folder / f"seed-{seed}"
        base = trained(self.experiment.base_config(seed), folder / "base")
        if arm.kind == "base":
            return base
        return arm_bundle(self.experiment, arm, seed, base.parent, folder, self.chooser)

    def made(self, arm: Arm, seed: int) -> tuple[dict[str, Any], Rows]:
        """Facts and statistics of an arm; its texts are said and judged if they are not yet."""
        bundle, training = self.bundle(arm, seed), None
        path = outputs_file(self.folder, arm.name, seed)
        said = {
            "bundle": bundle_digest(bundle),
            "beam": arm.beam,
            **self.experiment.model_dump(mode="json", include={"corpus", "split", "n_mrs"}),
        }
        generator = partial(load, bundle, engine="torch", beam_size=arm.beam, rerank=arm.beam > 1)
        requests = [GenerationRequest(e.id, e.mr) for e in self.examples]
        write_outputs_once(generator, requests, path, said)
        rows = self.judges.rows(path, said, self.examples)
        records = read_evaluation_records(str(path), self.domain)[0]
        words = [tuple(template_words(record.text)) for record in records]
        templates = [template_of_text(r.text, r.mr, self.checker) for r in records]
        if arm.kind != "base":
            run = read_json(self.folder / f"seed-{seed}" / arm.name / "run.json")
            training = {name: run.get(name) for name in _FACTS}
        facts = {
            "judges": self.judges.names,
            "variety": {
                "distinct1": distinct(words, 1),
                "distinct2": distinct(words, 2),
                "copied": copied(templates, self._seen),
            },
            "training": training,
            "samples": [record.text for record in records[:5]],
        }
        return facts, rows

    @cached_property
    def _seen(self) -> frozenset[tuple[str, ...]]:
        """The training texts."""
        data = self.experiment.base_config(self.experiment.seeds[0]).data
        return frozenset(
            template_of_text(text, example.mr, self.checker)
            for example in load_split(data.corpus, "train", self.domain)
            for text in example.references
        )


def outputs_file(folder: Path, name: str, seed: int) -> Path:
    """Where the texts of an arm or row are."""
    return folder / f"seed-{seed}" / "outputs" / f"{name}.jsonl"


def qa_model(models: QAModels, folder: Path, role: Literal["chooser", "judge"]) -> Path:
    """The QA model that rounds are scored by, or the one that chooses nothing; trained once."""
    path = folder / ("qa" if role == "chooser" else "qa-judge")
    trained_model(models.experiment(0 if role == "chooser" else 1), path)
    return path


def arm_bundle(
    arms: Arms, arm: Arm, seed: int, base: Path, folder: Path, chooser: Path | None
) -> Path:
    """A continued training; the arm that draws the round for the others goes before them.

    Args:
        arms: all of them.
        arm: not of kind ``base``.
        seed: of its draws.
        base: finished run, or bundle, that it starts from.
        folder: of the arms' runs.
        chooser: the QA model that rounds are scored by.
    """
    drawer, rounds = arms.drawer(), None
    if arm.kind == "conseq" and drawer is not None and arm.name != drawer.name:
        arm_bundle(arms, drawer, seed, base, folder, chooser)
        rounds = folder / drawer.name / "round"
    config = arms.arm_config(arm, seed, base, round=rounds, qa=chooser)
    return trained(config, folder / arm.name)


def trained(config: TrainConfig, folder: Path) -> Path:
    """Train, go on training, or take what is trained as the configuration says."""
    resume = (folder / "config.toml").is_file()
    return train(config, folder, resume=resume, progress=Lines(100), command=COMMAND_LINE)


def arm_file(out: Path, arm: Arm, seed: int) -> Path:
    """Where the numbers of an arm are kept."""
    return step_file(out / "arms", arm.name, seed)


def run(experiment: ConseqExperiment, places: Places, *, only: str | None) -> dict[str, Any]:
    """Do what is left; the numbers of all arms and seeds that are done."""
    space = Workspace(experiment, places)
    mrs = [example.mr for example in space.examples]
    arms = [(arm, seed) for seed in experiment.seeds for arm in experiment.arms]
    file = partial(arm_file, places.out)
    found = {
        name: {seed: with_single(step, mrs) for seed, step in by_seed.items()}
        for name, by_seed in carry_out(arms, file, space.identity, space.made, only).items()
    }
    return {"n_mrs": len(space.examples), "arms": results_of(experiment, found)}


def _run(experiment: ConseqExperiment, places: Places, args: argparse.Namespace) -> Outcome:
    found = run(experiment, places, only=args.only)
    return Outcome(found, list(experiment.seeds), {args.config.name: sha256_file(args.config)})


def _steps(experiment: ConseqExperiment, places: Places) -> list[Path]:
    return [arm_file(places.out, arm, seed) for seed in experiment.seeds for arm in experiment.arms]


COMMAND = Command(
    name="conseq",
    doc=__doc__,
    load=ConseqExperiment.read,
    run=_run,
    table=lambda experiment, manifest: table(manifest),
    steps=_steps,
    options=ONLY,
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
