"""``python -m experiments.faithfulness.conseq``: contrastive training against its controls.

For each seed: a base model by likelihood on noisy pairs, one round of scored samples, and the arms,
all with equal updates from the same base; their texts for MRs nobody trained on are judged by the
slot checker, by a QA model that chose nothing, and (if given) by a learned parser. What is finished
is kept, so that a run can be ended and gone on with.
"""

from __future__ import annotations

import json
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.decode.load import load
from d2t.decode.qa_reader import QAReader
from d2t.decode.types import GenerationRequest
from d2t.evaluate.records import read_evaluation_records
from d2t.evaluate.variety import copied, distinct, template_of_text
from d2t.io.hashing import sha256_file
from d2t.linearize.template import template_words
from d2t.model.qa_model import QAModel
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker
from d2t.train.init_config import bundle_digest
from d2t.train.progress import Lines
from d2t.train.run import train
from experiments.faithfulness.command import ONLY, Command, Found
from experiments.faithfulness.conseq_config import load_experiment
from experiments.faithfulness.conseq_report import results_of, table
from experiments.faithfulness.judges import Judges
from experiments.faithfulness.parser_judge import parser_judge
from experiments.faithfulness.qa_train import trained_model
from experiments.runner.files import is_current, write_outputs

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.train.config import TrainConfig
    from experiments.faithfulness.command import Places
    from experiments.faithfulness.conseq_config import Arm, Arms, ConseqExperiment, QAModels
    from experiments.faithfulness.conseq_scores import Rows

COMMAND_LINE = ["python", "-m", "experiments.faithfulness.conseq"]


class Workspace:
    """What is trained, said and judged, in ``folder``; each step finds what it has done."""

    def __init__(self, experiment: ConseqExperiment, places: Places) -> None:
        self.experiment, self.folder = experiment, (folder := places.runs)
        self.domain = load_domain(experiment.base_config(experiment.seeds[0]).data.domain)
        groups = group_references(load_split(experiment.corpus, experiment.split, self.domain))
        self.examples: list[Example] = groups[: experiment.n_mrs]
        checker = SlotChecker.for_domain(self.domain)
        parser, parser_name = parser_judge(experiment.parser, checker, places)
        judge = None if experiment.qa is None else qa_model(experiment.qa, folder, "judge")
        self.judges = Judges(
            checker,
            None if judge is None else QAReader(QAModel.load(judge)),
            parser,
            parser_name,
            experiment.qa.n_wordings if experiment.qa else 1,
        )
        self.chooser = None if experiment.qa is None else qa_model(experiment.qa, folder, "chooser")

    def bundle(self, arm: Arm, seed: int) -> Path:
        """The arm's model, trained if it is not yet."""
        folder = self.folder / f"seed-{seed}"
        base = trained(self.experiment.base_config(seed), folder / "base")
        if arm.kind == "base":
            return base
        return arm_bundle(self.experiment, arm, seed, base.parent, folder, self.chooser)

    def rows(self, arm: Arm, seed: int) -> Rows:
        """The arm's statistics; its texts are said and judged if they are not yet."""
        bundle = self.bundle(arm, seed)
        path = outputs_file(self.folder, arm, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {
            "bundle": bundle_digest(bundle),
            "beam": arm.beam,
            **self.experiment.model_dump(mode="json", include={"corpus", "split", "n_mrs"}),
        }
        if not is_current(path.with_suffix(".json"), said):
            generator = load(bundle, engine="torch", beam_size=arm.beam, rerank=arm.beam > 1)
            requests = [GenerationRequest(e.id, e.mr) for e in self.examples]
            write_outputs(lambda: generator.generate(requests), self.domain, path, said)
        return self.judges.rows(path, said, self.examples)

    def variety(self, arm: Arm, seed: int) -> dict[str, float]:
        """What can be said of all texts of an arm together, which are there."""
        path = outputs_file(self.folder, arm, seed)
        records, _ = read_evaluation_records(str(path), self.domain)
        words = [tuple(template_words(record.text)) for record in records]
        checker = self.judges.checker
        templates = [template_of_text(record.text, record.mr, checker) for record in records]
        return {
            "distinct1": distinct(words, 1),
            "distinct2": distinct(words, 2),
            "copied": copied(templates, self._seen),
        }

    @cached_property
    def _seen(self) -> frozenset[tuple[str, ...]]:
        """The training texts."""
        data = self.experiment.base_config(self.experiment.seeds[0]).data
        return frozenset(
            template_of_text(text, example.mr, self.judges.checker)
            for example in load_split(data.corpus, "train", self.domain)
            for text in example.references
        )


def outputs_file(folder: Path, arm: Arm, seed: int) -> Path:
    """Where the texts of an arm are."""
    return folder / f"seed-{seed}" / "outputs" / f"{arm.name}.jsonl"


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


def run(experiment: ConseqExperiment, places: Places, *, only: str | None) -> dict[str, Any]:
    """Do what is left; the numbers of the arms that are complete in all seeds."""
    space, folder = Workspace(experiment, places), places.runs
    rows: dict[str, list[Rows]] = {}
    variety: dict[str, list[dict[str, float]]] = {}
    for seed in experiment.seeds:
        for arm in experiment.arms:
            if only is None or only in arm.name:
                rows.setdefault(arm.name, []).append(space.rows(arm, seed))
                variety.setdefault(arm.name, []).append(space.variety(arm, seed))
                print(f"seed {seed}: {arm.name} is judged", file=sys.stderr, flush=True)
    runs = {
        f"seed-{seed}/{arm.name}": json.loads(path.read_text(encoding="utf-8"))
        for seed in experiment.seeds
        for arm in experiment.arms
        if (path := folder / f"seed-{seed}" / arm.name / "run.json").is_file()
    }
    facts = {
        name: {"steps": r["steps"], "counts": r["counts"], "train_wall_s": r["train_wall_s"]}
        for name, r in runs.items()
    }
    arms = results_of(experiment, rows, variety)
    return {"n_mrs": len(space.examples), "arms": arms, "training": facts}


def _run(experiment: ConseqExperiment, places: Places, args: argparse.Namespace) -> Found:
    found = run(experiment, places, only=args.only)
    return Found(found, list(experiment.seeds), {args.config.name: sha256_file(args.config)})


def _steps(experiment: ConseqExperiment, places: Places) -> list[Path]:
    return [
        outputs_file(places.runs, arm, seed).with_suffix(".scores.json")
        for seed in experiment.seeds
        for arm in experiment.arms
    ]


COMMAND = Command(
    name="conseq",
    doc=__doc__,
    load=load_experiment,
    run=_run,
    table=lambda experiment, manifest: table(manifest),
    steps=_steps,
    options=ONLY,
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
