"""``python -m experiments.faithfulness.together``: what is each part worth, on top of the others?

Rows are lists of parts: a model, then ways of decoding. Each says the test MRs in its own (bigram
planner's) orders and in random ones, for every seed that its model has, and is judged by the slot
checker, by a learned parser and by a QA model that chose nothing; then it is compared with every
row that lacks just one of its parts. What is done is kept; a row that cannot be made (its model is
not trained yet) is reported, and the others go on.
"""

from __future__ import annotations

import json
import sys
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

from d2t.corpus.load import load_split
from d2t.corpus.registry import registry
from d2t.errors import D2TError, DataError
from d2t.generate.types import GenerationRequest
from d2t.io.hashing import sha256_file, sha256_json
from d2t.judges.qa.model import QAModel
from d2t.judges.qa.reader import QAReader
from d2t.mr.domain import load_domain
from d2t.score.records import read_evaluation_records
from d2t.score.tasks import generation_tasks
from d2t.train.config.init_config import bundle_digest
from experiments.faithfulness.command import Command, Found
from experiments.faithfulness.together_config import load_experiment
from experiments.faithfulness.together_decoding import generator_of
from experiments.faithfulness.together_models import Models
from experiments.faithfulness.together_report import results_of, table
from experiments.runner.files import is_current, write_outputs
from experiments.runner.kept import keep, kept

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from d2t.score.tasks import GenerationTask
    from experiments.faithfulness.command import Places
    from experiments.faithfulness.judges import Judges
    from experiments.faithfulness.together_config import Row, TogetherExperiment
    from experiments.faithfulness.together_report import Judged

Setting = Literal["own", "random"]
SETTINGS: tuple[Setting, ...] = ("own", "random")


class Workspace:
    """What is said and judged; each step finds what it has done."""

    def __init__(self, experiment: TogetherExperiment, places: Places) -> None:
        self.experiment, self.places = experiment, places
        self.models = Models(experiment, places)
        self.domain = load_domain(registry()[experiment.corpus].domain)
        examples = load_split(experiment.corpus, experiment.split, self.domain)
        self.tasks: dict[Setting, list[GenerationTask]] = {
            setting: generation_tasks(
                examples, self.domain, setting, n_permutations=1,
                seed=experiment.plan_seed, limit=experiment.n_mrs,
            )
            for setting in SETTINGS
        }  # fmt: skip
        self._reader: QAReader | None = None
        self._judges: dict[str, str | None] | None = None

    @cached_property
    def judges(self) -> Judges:
        """Trained at the first text that is to be judged."""
        return self.models.judges(self.domain)

    def judged(self, row: Row, seed: int, *, make: bool) -> Judged | None:
        """The statistics of a row by setting, and the seconds that it took: kept, or made now.

        Raises:
            D2TError: a part of it is not there, or does not go with the others.
        """
        path = row_file(self.places.out, row, seed)
        identity = {**self.models.identity(row, seed), "domain": self.domain.digest}
        found = kept(path, identity)
        if found is None and make:
            made = self._made(row, seed)
            rows = {f"{s}/{metric}": r for s, of in made.items() for metric, r in of.items()}
            facts = {"judges": self.judges.names, "samples": self._samples(row, seed)}
            found = keep(path, identity, facts, rows)
            print(f"seed {seed}: {row.name} is judged", file=sys.stderr, flush=True)
        if found is None:
            return None
        self._judges = self._judges or found.facts["judges"]
        if found.facts["judges"] != self._judges:
            raise DataError(
                f"{path} was judged by other models than the rows before it; remove it, and go on "
                "where they are, or remove those"
            )
        judged: Judged = {setting: {} for setting in SETTINGS}
        for name, matrix in found.rows.items():
            setting, _, metric = name.partition("/")
            judged[setting][metric] = matrix
        return judged

    def _made(self, row: Row, seed: int) -> Judged:
        bundle = self.models.bundle(row.model, seed)
        found: Judged = {}
        for setting in SETTINGS:
            path = outputs_file(self.places.runs, row, seed, setting)
            path.parent.mkdir(parents=True, exist_ok=True)
            said = self._identity(row, bundle, setting)
            if not is_current(path.with_suffix(".json"), said):
                self._say(row, bundle, path, said, setting)
            facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            rows = self.judges.rows(path, said, self.tasks[setting], plans=True)
            found[setting] = {**rows, "seconds": [[facts["cpu_s"], len(self.tasks[setting])]]}
        return found

    def _samples(self, row: Row, seed: int) -> dict[str, list[str]]:
        files = {s: outputs_file(self.places.runs, row, seed, s) for s in SETTINGS}
        return {
            setting: [r.text for r in read_evaluation_records(str(path), self.domain)[0][:5]]
            for setting, path in files.items()
        }

    def _identity(self, row: Row, bundle: Path, setting: Setting) -> dict[str, Any]:
        """What decides the texts."""
        tasks = [[t.id, None if t.plan is None else t.plan.labels()] for t in self.tasks[setting]]
        said = {"bundle": bundle_digest(bundle), "requests": sha256_json(tasks)}
        if row.decoding:
            said["decoding"] = "+".join(row.decoding)
        if "rerank" in row.decoding:
            said["beam"] = str(self.experiment.beam)
        if "contrast" in row.decoding:
            said["contrast"] = repr(self.models.contrast[1])
        if "qa-ties" in row.decoding:
            said["qa_ties"] = self._chooser().digest
        return said

    def _say(
        self, row: Row, bundle: Path, path: Path, said: dict[str, Any], setting: Setting
    ) -> None:
        generator = generator_of(
            row.decoding, bundle,
            beam=self.experiment.beam,
            contrast=self.models.contrast[1] if "contrast" in row.decoding else None,
            reader=self._chooser() if "qa-ties" in row.decoding else None,
        )  # fmt: skip
        requests = [GenerationRequest(t.id, t.mr, t.plan) for t in self.tasks[setting]]
        write_outputs(partial(generator.generate, requests), self.domain, path, said)

    def _chooser(self) -> QAReader:
        if self._reader is None:
            self._reader = QAReader(QAModel.load(self.models.chooser))
        return self._reader


def outputs_file(runs: Path, row: Row, seed: int, setting: Setting) -> Path:
    """Where the texts of a row are."""
    return runs / f"seed-{seed}" / "outputs" / f"{row.name}-{setting}.jsonl"


def row_file(out: Path, row: Row, seed: int) -> Path:
    """Where the statistics of a row are kept."""
    return out / "rows" / f"{row.name}-{seed}.json.gz"


def run(
    experiment: TogetherExperiment, places: Places, *, only: str | None
) -> tuple[dict[str, Any], list[str]]:
    """Do what is left: the numbers, and what failed with the reason."""
    space = Workspace(experiment, places)
    judged: dict[str, list[Judged]] = {}
    failed = []
    for row in experiment.rows:
        make = only is None or only in row.name
        for seed in space.models.seeds(row.model):
            try:
                found_row = space.judged(row, seed, make=make)
            except D2TError as error:
                failed.append(f"{row.name}, seed {seed}: {error}")
                break  # seeds are paired by their place
            if found_row is None:
                break
            judged.setdefault(row.name, []).append(found_row)
    complete = {name: seeds for name, seeds in judged.items() if seeds}
    wants_contrast = any("contrast" in row.decoding for row in experiment.rows)
    contrast = None
    if wants_contrast and any("contrast" in name.split("+") for name in complete):
        contrast = space.models.contrast[0]
    found = {
        "n_mrs": len(space.tasks["own"]),
        "contrast": contrast,
        "rows": results_of(experiment, complete),
        "failed": failed,
    }
    return found, failed


def _run(experiment: TogetherExperiment, places: Places, args: argparse.Namespace) -> Found:
    found, failed = run(experiment, places, only=args.only)
    data = {args.config.name: sha256_file(args.config)}
    return Found(found, list(experiment.seeds), data, tuple(failed))


def _steps(experiment: TogetherExperiment, places: Places) -> list[Path]:
    models = Models(experiment, places)
    return [
        row_file(places.out, row, seed)
        for row in experiment.rows
        for seed in models.seeds(row.model)
    ]


COMMAND = Command(
    name="together",
    doc=__doc__,
    load=load_experiment,
    run=_run,
    table=table,
    steps=_steps,
    options={"--only": {"help": "rows whose name (PART+PART) holds this"}},
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
