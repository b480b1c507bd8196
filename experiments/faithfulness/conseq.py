"""``python -m experiments.faithfulness.conseq``: contrastive training against its controls.

For each seed: a base model by likelihood on noisy pairs, one round of scored samples, and the arms,
all with equal updates from the same base; their texts for MRs nobody trained on are judged by the
slot checker, by a QA model that chose nothing, and (if given) by a learned parser. What is finished
is kept, so that a run can be ended and gone on with, on another machine too: the statistics of each
arm are among the results.
"""

from __future__ import annotations

import json
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.io.hashing import sha256_file
from d2t.judges.qa.model import QAModel
from d2t.judges.qa.reader import QAReader
from d2t.language.template import template_words
from d2t.mr.domain import load_domain
from d2t.recipes.run import train
from d2t.score.records import read_evaluation_records
from d2t.score.variety import copied, distinct, template_of_text
from d2t.slots.checker import SlotChecker
from d2t.train.config.init_config import bundle_digest
from d2t.train.loop.progress import Lines
from experiments.faithfulness.command import ONLY, Command, Found
from experiments.faithfulness.conseq_config import load_experiment
from experiments.faithfulness.conseq_report import results_of, table
from experiments.faithfulness.conseq_scores import with_single
from experiments.faithfulness.judges import Judges
from experiments.faithfulness.parser_judge import parser_judge
from experiments.faithfulness.qa_train import trained_model
from experiments.runner.files import is_current, write_outputs
from experiments.runner.kept import Kept, keep, kept

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.score.records import EvaluationRecord
    from d2t.train.config.config import TrainConfig
    from experiments.faithfulness.command import Places
    from experiments.faithfulness.conseq_config import Arm, Arms, ConseqExperiment, QAModels
    from experiments.runner.kept import Rows

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

    def judged(self, arm: Arm, seed: int, *, make: bool) -> Kept | None:
        """What an arm's texts are worth: kept, or made now."""
        path, identity = arm_file(self.places.out, arm, seed), self.identity(arm, seed)
        found = kept(path, identity)
        if found is None and make:
            rows = self.rows(arm, seed)
            facts = {
                "judges": self.judges.names,
                "variety": self.variety(arm, seed),
                "training": self._training(arm, seed),
                "samples": [r.text for r in self._said(arm, seed)[:5]],
            }
            found = keep(path, identity, facts, rows)
            print(f"seed {seed}: {arm.name} is judged", file=sys.stderr, flush=True)
        return found

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
        records = self._said(arm, seed)
        words = [tuple(template_words(record.text)) for record in records]
        templates = [template_of_text(r.text, r.mr, self.checker) for r in records]
        return {
            "distinct1": distinct(words, 1),
            "distinct2": distinct(words, 2),
            "copied": copied(templates, self._seen),
        }

    def _said(self, arm: Arm, seed: int) -> list[EvaluationRecord]:
        path = outputs_file(self.folder, arm, seed)
        return read_evaluation_records(str(path), self.domain)[0]

    def _training(self, arm: Arm, seed: int) -> dict[str, Any] | None:
        """How the arm was trained; None: it is the base model."""
        if arm.kind == "base":
            return None
        path = self.folder / f"seed-{seed}" / arm.name / "run.json"
        run = json.loads(path.read_text(encoding="utf-8"))
        return {name: run.get(name) for name in _FACTS}

    @cached_property
    def _seen(self) -> frozenset[tuple[str, ...]]:
        """The training texts."""
        data = self.experiment.base_config(self.experiment.seeds[0]).data
        return frozenset(
            template_of_text(text, example.mr, self.checker)
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


def arm_file(out: Path, arm: Arm, seed: int) -> Path:
    """Where the numbers of an arm are kept."""
    return out / "arms" / f"{arm.name}-{seed}.json.gz"


def run(experiment: ConseqExperiment, places: Places, *, only: str | None) -> dict[str, Any]:
    """Do what is left; the numbers of all arms and seeds that are done."""
    space = Workspace(experiment, places)
    mrs = [example.mr for example in space.examples]
    found: dict[str, dict[int, Kept]] = {}
    for seed in experiment.seeds:
        for arm in experiment.arms:
            make = only is None or only in arm.name
            if (judged := space.judged(arm, seed, make=make)) is not None:
                found.setdefault(arm.name, {})[seed] = with_single(judged, mrs)
    return {"n_mrs": len(space.examples), "arms": results_of(experiment, found)}


def _run(experiment: ConseqExperiment, places: Places, args: argparse.Namespace) -> Found:
    found = run(experiment, places, only=args.only)
    return Found(found, list(experiment.seeds), {args.config.name: sha256_file(args.config)})


def _steps(experiment: ConseqExperiment, places: Places) -> list[Path]:
    return [arm_file(places.out, arm, seed) for seed in experiment.seeds for arm in experiment.arms]


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
