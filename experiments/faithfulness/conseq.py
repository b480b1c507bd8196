"""``python -m experiments.faithfulness.conseq``: contrastive training against its controls.

For each seed: a base model by likelihood on noisy pairs, one round of scored samples, and the arms,
all with equal updates from the same base; their texts for MRs nobody trained on are judged by the
slot checker, by a QA model that chose nothing, and (if given) by a learned parser. What is finished
is kept, so that a run can be ended and gone on with.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.decode.load import load
from d2t.decode.qa_reader import QAReader
from d2t.decode.types import GenerationRequest
from d2t.errors import D2TError, DataError
from d2t.evaluate.records import EvaluationRecord, read_evaluation_records
from d2t.io.atomic import atomic_write, atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.manifest import git_state, run_manifest
from d2t.model.learned_parser import LearnedParser
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker
from d2t.train.init_config import bundle_digest
from d2t.train.progress import Lines
from d2t.train.run import train
from experiments.faithfulness.conseq_config import load_experiment
from experiments.faithfulness.conseq_report import results_of, table
from experiments.faithfulness.conseq_scores import judged_rows
from experiments.faithfulness.qa_train import trained_model
from experiments.runner.files import is_current, write_outputs
from experiments.runner.processes import only_one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from d2t.corpus.types import Example
    from d2t.train.config import TrainConfig
    from experiments.faithfulness.conseq_config import Arm, ConseqExperiment
    from experiments.faithfulness.conseq_scores import Rows

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "faithfulness"
COMMAND = ["python", "-m", "experiments.faithfulness.conseq"]


class Workspace:
    """What is trained, said and judged, in ``folder``; each step finds what it has done."""

    def __init__(self, experiment: ConseqExperiment, folder: Path) -> None:
        self.experiment, self.folder = experiment, folder
        self.domain = load_domain(experiment.base_config(experiment.seeds[0]).data.domain)
        self.checker = SlotChecker.for_domain(self.domain)
        groups = group_references(load_split(experiment.corpus, experiment.split, self.domain))
        self.examples: list[Example] = groups[: experiment.n_mrs]
        self.parser = None
        if experiment.parser is not None:
            self.parser = LearnedParser.load(Path(experiment.parser))
        self.judge: QAReader | None = None
        if experiment.qa is not None:
            trained_model(experiment.qa.experiment(0), self.chooser)
            self.judge = QAReader(trained_model(experiment.qa.experiment(1), folder / "qa-judge"))

    @property
    def chooser(self) -> Path:
        """The QA model that the round is scored by."""
        return self.folder / "qa"

    def bundle(self, arm: Arm, seed: int) -> Path:
        """The arm's model, trained if it is not yet."""
        base = self._trained(self.experiment.base_config(seed), f"seed-{seed}/base")
        if arm.kind == "base":
            return base
        drawn = next((a for a in self.experiment.arms if a.kind == "conseq"), arm)
        own = self.folder / f"seed-{seed}" / drawn.name / "round"
        if arm.kind == "conseq" and arm.name != drawn.name:
            self.bundle(drawn, seed)
        config = self.experiment.arm_config(
            arm, seed, base.parent,
            round=own if arm.kind == "conseq" and arm.name != drawn.name else None,
            qa=self.chooser if self.experiment.qa is not None else None,
        )  # fmt: skip
        return self._trained(config, f"seed-{seed}/{arm.name}")

    def rows(self, arm: Arm, seed: int) -> Rows:
        """The arm's statistics; its texts are said and judged if they are not yet."""
        bundle = self.bundle(arm, seed)
        path = self.folder / f"seed-{seed}" / "outputs" / f"{arm.name}.jsonl"
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
        return self._judged(path, said)

    def _judged(self, path: Path, said: dict[str, Any]) -> Rows:
        scores = path.with_suffix(".scores.json")
        identity = {
            **said,
            "lexicon": self.checker.lexicon_digest,
            "qa": None if self.judge is None else self.judge.digest,
            "parser": self.experiment.parser,
        }
        if not is_current(scores, identity):
            records, bad = read_evaluation_records(str(path), self.domain)
            if bad or len(records) != len(self.examples):
                raise DataError(f"{path} is not what an arm says; remove it and go on")
            whole = [
                EvaluationRecord(r.id, e.mr, r.text, None, e.references)
                for r, e in zip(records, self.examples, strict=True)
            ]
            n_wordings = self.experiment.qa.n_wordings if self.experiment.qa else 1
            rows = judged_rows(whole, self.checker, self.judge, self.parser, n_wordings=n_wordings)
            made = {"identity": identity, "git": git_state(), "rows": rows}
            atomic_write_json(scores, made)
        found: Rows = json.loads(scores.read_text(encoding="utf-8"))["rows"]
        return found

    def _trained(self, config: TrainConfig, name: str) -> Path:
        """Train, go on training, or take what is trained as the configuration says."""
        folder = self.folder / name
        resume = (folder / "config.toml").is_file()
        return train(config, folder, resume=resume, progress=Lines(100), command=COMMAND)


def run(experiment: ConseqExperiment, folder: Path, *, only: str | None) -> dict[str, Any]:
    """Do what is left; the numbers of the arms that are complete in all seeds."""
    space = Workspace(experiment, folder)
    rows: dict[str, list[Rows]] = {}
    for seed in experiment.seeds:
        for arm in experiment.arms:
            if only is None or only in arm.name:
                rows.setdefault(arm.name, []).append(space.rows(arm, seed))
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
    return {"n_mrs": len(space.examples), "arms": results_of(experiment, rows), "training": facts}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is left and write ``results.json`` and ``table.md``."""
    line = argparse.ArgumentParser(prog=" ".join(COMMAND), description=__doc__)
    line.add_argument("--config", type=Path, default=HERE / "conseq.toml")
    line.add_argument("--runs", type=Path, help="default: runs/faithfulness/RESULTS")
    line.add_argument("--out", type=Path, help="default: experiments/results/faithfulness/RESULTS")
    line.add_argument("--only", help="arms whose name holds this")
    line.add_argument("--threads", type=int, default=1)
    args = line.parse_args(argv)
    torch.set_num_threads(args.threads)
    started = time.time()
    try:
        experiment = load_experiment(args.config)
        folder = args.runs or Path("runs/faithfulness") / experiment.results
        out = args.out or RESULTS / experiment.results
        with only_one(folder):
            found = run(experiment, folder, only=args.only)
        out.mkdir(parents=True, exist_ok=True)
        manifest = run_manifest(
            command=[*COMMAND, *(argv if argv is not None else sys.argv[1:])],
            config=experiment.model_dump(mode="json"),
            data={args.config.name: sha256_file(args.config)},
            seeds=list(experiment.seeds),
            started=started,
            metrics=found,
        )
        atomic_write_json(out / "results.json", manifest)
        with atomic_write(out / "table.md") as stream:
            stream.write(table(out / "results.json"))
    except D2TError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(table(out / "results.json"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
