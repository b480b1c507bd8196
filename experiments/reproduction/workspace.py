"""Where the runs, the committed scores and statistics of each row, and the shared files are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from d2t.errors import DataError
from d2t.io.atomic import atomic_write_json, atomic_write_text
from d2t.io.hashing import sha256_json
from d2t.io.manifest import git_state, machine
from d2t.mr.domain import load_domain
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import validate
from experiments.engine.steps import read_compressed, read_json, write_compressed
from experiments.reproduction.config import DECODERS

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.train.config.options import TrainConfig
    from experiments.reproduction.config import Row, Stage, Table


@dataclass(frozen=True)
class Workspace:
    """Paths, and what stands there.

    Attributes:
        table: what is to be done.
        runs: folder of the runs; what is in it can be made again.
        out: folder of the results, with a file of scores per row under ``rows``.
    """

    table: Table
    runs: Path
    out: Path

    def folder(self, row: Row) -> Path:
        """The run folder of a row."""
        return self.runs / row.name

    def scores_path(self, row: Row) -> Path:
        """The committed scores of a row."""
        return self.out / "rows" / f"{row.name}.json"

    def statistics_path(self, row: Row) -> Path:
        """The committed statistics per MR of a row, for paired tests."""
        return self.out / "rows" / f"{row.name}.stats.json.gz"

    def outputs(self, row: Row, corpus: str, setting: str, decoder: str) -> Path:
        """The outputs of a row in one setting."""
        return self.folder(row) / "outputs" / f"{corpus}-{setting}-{decoder}.jsonl"

    def scores(self, row: Row) -> dict[str, Any]:
        """The scores of a row; empty when there are none, or they are of another recipe."""
        scores = read_json(self.scores_path(row), missing_ok=True)
        return scores if scores.get("digest") == self.table.digest(row) else {}

    def entry(self, row: Row, corpus: str, setting: str, decoder: str) -> dict[str, Any] | None:
        """The scores of a row in one setting, if they answer what the table asks today."""
        scores: dict[str, dict[str, Any]] = self.scores(row).get("scores", {})
        entry = scores.get(entry_key(corpus, setting, decoder))
        wanted = {
            name: self.table.asked(asked)
            for stage in DECODERS
            for name, asked in self.table.settings_of(row, stage).items()
        }
        return entry if entry is not None and entry["asked"] == wanted.get(setting) else None

    def statistics(self, row: Row) -> dict[str, Any]:
        """Statistics per MR by entry; empty when there are none."""
        path = self.statistics_path(row)
        return read_compressed(path) if path.is_file() else {}

    def trained(self, row: Row) -> bool:
        """Whether the row's bundle is here, trained as the table says."""
        facts = self._facts(row)
        if facts.get("digest") != self.table.digest(row):
            return False
        bundle = self.folder(row) / str(facts["bundle"])
        return (bundle / "d2t.json").is_file()

    def training(self, row: Row) -> dict[str, Any]:
        """What the training stage left: ``digest``, and paths in the row's folder.

        Raises:
            DataError: the row is not trained.
        """
        if not self.trained(row):
            raise DataError(
                f"row {row.name} is not trained yet; run `python -m experiments.reproduction "
                f"--only {row.name} --stage train`"
            )
        return self._facts(row)

    def finish_training(self, row: Row, **paths: str | list[str]) -> None:
        """Write down that a row is trained; the paths are relative to its folder."""
        facts = {"digest": self.table.digest(row), **paths}
        atomic_write_json(self.folder(row) / "trained.json", facts)

    def _facts(self, row: Row) -> dict[str, Any]:
        return read_json(self.folder(row) / "trained.json", missing_ok=True)

    def scored(self, row: Row, stage: Stage) -> bool:
        """Whether every score of a stage is here.

        Scores by another lexicon are done again where the outputs are here too; elsewhere they
        stand, and the report marks them.
        """
        return all(
            self._stands(row, corpus, setting, decoder)
            for corpus in self.table.corpora(row)
            for setting in self.table.settings_of(row, stage)
            for decoder in DECODERS[stage]
        )

    def _stands(self, row: Row, corpus: str, setting: str, decoder: str) -> bool:
        entry = self.entry(row, corpus, setting, decoder)
        if entry is None:
            return False
        domain = self.table.train_config(row).data.domain
        here = self.trained(row) and self.outputs(row, corpus, setting, decoder).is_file()
        return not here or bool(entry["lexicon"] == lexicon_digest(domain))

    def has_asset(self, asset: str) -> bool:
        """Whether a shared file is here; it appears whole or not at all."""
        return self.asset(asset).exists()

    def asset(self, name: str) -> Path:
        """The path of a shared file or folder."""
        suffixes = {"phrases": ".jsonl", "tests": ".jsonl", "lm": ".npz"}
        return self.runs / "shared" / f"{name}{suffixes.get(name.partition('-')[0], '')}"

    def assets(self, row: Row, stage: Stage) -> tuple[str, ...]:
        """The shared files that a stage of a row reads."""
        if stage == "train":
            tests = self.tests(row)
            judged = row.recipe == "self_training" and self.table.fluency is not None
            return (
                *((self.made_of_data("fluency", row),) if judged else ()),
                *((self.made_of_data("phrases", row),) if self._reads_phrases(row) else ()),
                *((tests,) if tests else ()),
            )
        models = [f"lm-{corpus}" for corpus in self.table.corpora(row)]
        plans = {s.plans for s in self.table.settings_of(row, stage).values()}
        return (*models, *([self.made_of_data("planner", row)] if "planner" in plans else []))

    def _reads_phrases(self, row: Row) -> bool:
        if row.recipe == "self_training":
            return self._reads_phrases(self.table.row(row.base or ""))
        return row.recipe == "phrases"

    def made_of_data(self, kind: Literal["phrases", "fluency", "planner"], row: Row) -> str:
        """The asset of this kind that is made of a row's training data.

        The table has a field of the same name with the options.
        """
        data = self.table.train_config(row).data
        options = sha256_json(getattr(self.table, kind))[:6]
        return f"{kind}-{data.corpus}-{data.share:g}-{data.share_seed}-{options}"

    def tests(self, row: Row) -> str | None:
        """The asset with all test MRs of a row that is scored on other corpora than its own."""
        corpus = self.table.train_config(row).data.corpus
        others = sorted({*self.table.corpora(row)} - {corpus})
        return f"tests-{'-'.join((corpus, *others))}" if others else None


@cache
def lexicon_digest(domain: str) -> str:
    """SHA-256 of a domain's lexicon as it is today."""
    return SlotChecker.for_domain(load_domain(domain)).lexicon_digest


def entry_key(corpus: str, setting: str, decoder: str) -> str:
    """Name of the scores of one setting: ``e2e_cleaned/random/greedy``."""
    return f"{corpus}/{setting}/{decoder}"


RUN_FACTS = (
    "config", "training_sha256", "data_sha256", "git", "versions", "machine", "seeds", "metrics",
    "counts", "steps", "pairs_seen", "train_wall_s", "device", "precision",
)  # fmt: skip
"""What of a training run's manifest goes beside the scores."""


def add_scores(
    workspace: Workspace, row: Row, key: str, entry: dict[str, Any], statistics: dict[str, Any]
) -> None:
    """Put one entry into the row's files, statistics first: scores without them cannot be."""
    known = workspace.scores(row)
    kept = workspace.statistics(row) if known else {}
    write_compressed(workspace.statistics_path(row), {**kept, key: statistics})
    signatures = {**known.get("signatures", {}), **entry.pop("signatures")}
    content = {
        "name": row.name,
        "label": row.label,
        "digest": workspace.table.digest(row),
        "scored": {"git": git_state(), "machine": machine()},
        "training": training_facts(workspace, row),
        "signatures": signatures,
        "scores": {**known.get("scores", {}), key: entry},
    }
    atomic_write_text(workspace.scores_path(row), compact_json(content) + "\n")


def compact_json(content: dict[str, Any], depth: int = 1) -> str:
    """JSON with a line for each key of the first two levels: small files and readable diffs."""
    lines = []
    for key, value in content.items():
        inside = depth == 1 and isinstance(value, dict)
        said = compact_json(value, 2) if inside else json.dumps(value, ensure_ascii=False)
        lines.append(f"{'  ' * depth}{json.dumps(key)}: {said}")
    return "{\n" + ",\n".join(lines) + "\n" + "  " * (depth - 1) + "}"


def training_facts(workspace: Workspace, row: Row) -> dict[str, Any]:
    """What the row's training says of itself; of self-training, each round's report too."""
    paths = workspace.training(row)
    run = read_json(workspace.folder(row) / paths["run"])
    facts = {name: run[name] for name in RUN_FACTS if name in run}
    if "reports" in paths:
        facts["rounds"] = [read_json(workspace.folder(row) / name) for name in paths["reports"]]
    elif "config" in run:  # the trainings of self-training have options of their own
        wanted = _bare(workspace.table.train_config(row))
        facts["adopted"] = _bare(validate(run["config"], row.name)) != wanted
    return facts


def _bare(config: TrainConfig) -> dict[str, Any]:
    """A configuration without where its files lie and how it is carried out."""
    raw = config.as_dict()
    del raw["run"], raw["data"]["augment"], raw["data"]["test"]
    return raw
