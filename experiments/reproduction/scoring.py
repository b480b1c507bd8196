"""The scoring stages of a row: outputs in each setting, their scores, their statistics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from d2t.corpus.load import load_split
from d2t.generate.load import load
from d2t.io.hashing import sha256_file, sha256_json
from d2t.language.ngram.fluency import NgramLanguageModel
from d2t.mr.types import Plan
from d2t.score.tasks import generation_tasks
from d2t.slots.checker import SlotChecker
from experiments.reproduction.assets import make_asset
from experiments.reproduction.config import DECODERS
from experiments.reproduction.outputs import beam, greedy, write_answers
from experiments.reproduction.row_files import add_scores
from experiments.reproduction.scores import read_outputs, score_records
from experiments.reproduction.workspace import entry_key

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.corpus.types import Example
    from d2t.generate.pipeline import ModelGenerator
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.score.tasks import GenerationTask, PlanMaker
    from d2t.train.loop.progress import Reporter
    from experiments.reproduction.config import Row, Setting, Stage
    from experiments.reproduction.workspace import Workspace


def score_row(workspace: Workspace, row: Row, stage: Stage, progress: Reporter) -> None:
    """Generate and score what a stage still lacks; every score is written as soon as it is made.

    Raises:
        DataError: the row is not trained.
    """
    table = workspace.table
    for asset in workspace.assets(row, stage):
        make_asset(workspace, asset, progress)
    bundle = workspace.folder(row) / workspace.training(row)["bundle"]
    beams = table.beam_size if stage == "beam" else 1
    generator = load(bundle, engine="torch", batch_size=128, beam_size=beams)
    generator.planner = generator.bundle.planner  # "own" is the bigram planner's, whatever else
    planner = _neural_planner(workspace, row) if _asks_planner(workspace, row, stage) else None
    checker = SlotChecker.for_domain(generator.domain)
    for corpus in table.corpora(row):
        examples = load_split(corpus, table.split, generator.domain)
        lm = NgramLanguageModel.load(workspace.asset(f"lm-{corpus}"))
        for name, setting in table.settings_of(row, stage).items():
            tasks = _tasks(workspace, setting, examples, generator.domain, checker, planner)
            progress.say(f"{row.name}: {corpus}, {name}, {stage}: {len(tasks)} requests")
            paths = {d: workspace.outputs(row, corpus, name, d) for d in DECODERS[stage]}
            identity = {"bundle": sha256_file(bundle / "d2t.json"), "requests": _digest(tasks)}
            answer = beam if stage == "beam" else greedy
            write_answers(
                lambda chunk, answer=answer: answer(generator, chunk),  # type: ignore[misc]
                tasks, paths, generator, identity,
            )  # fmt: skip
            for decoder, path in paths.items():
                key = entry_key(corpus, name, decoder)
                _score(workspace, row, key, setting, path, tasks, checker, lm, generator)


def _score(
    workspace: Workspace,
    row: Row,
    key: str,
    setting: Setting,
    path: Path,
    tasks: list[GenerationTask],
    checker: SlotChecker,
    lm: NgramLanguageModel,
    generator: ModelGenerator,
) -> None:
    """Score one outputs file and add it to the row's committed files."""
    identity = {
        "asked": workspace.table.asked(setting),
        "lexicon": checker.lexicon_digest,
        "outputs": sha256_file(path),
    }
    known = workspace.scores(row).get("scores", {}).get(key, {})
    if all(known.get(name) == value for name, value in identity.items()):
        return
    records = read_outputs(path, tasks, generator.domain)
    text = setting.text and key.endswith("/greedy")
    several = len(tasks) > len({task.mr for task in tasks})
    scores, statistics = score_records(
        records, generator.domain, checker, lm, several=several, text=text
    )
    made = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    generation = {name: made[name] for name in ("generation_s", "sentences_per_s")}
    add_scores(workspace, row, key, {**identity, "generation": generation, **scores}, statistics)


def _tasks(
    workspace: Workspace,
    setting: Setting,
    examples: list[Example],
    domain: Domain,
    checker: SlotChecker,
    planner: PlanMaker | None,
) -> list[GenerationTask]:
    table = workspace.table
    return generation_tasks(
        examples,
        domain,
        setting.plans,
        n_permutations=setting.permutations,
        seed=table.plan_seed,
        limit=table.limit,
        checker=checker,
        planner=planner if planner is None or setting.sentences else OrderOnly(planner),
    )


class OrderOnly:
    """A planner's orders without its sentences, which are then left to the generator."""

    def __init__(self, planner: PlanMaker) -> None:
        self._planner = planner

    def plan(self, mr: MeaningRepresentation) -> Plan:
        """The planner's order."""
        return Plan(self._planner.plan(mr).slots)


def _digest(tasks: list[GenerationTask]) -> str:
    plans = (None if t.plan is None else [t.plan.labels(), t.plan.breaks] for t in tasks)
    return sha256_json([[t.id, plan] for t, plan in zip(tasks, plans, strict=True)])


def _asks_planner(workspace: Workspace, row: Row, stage: Stage) -> bool:
    settings = workspace.table.settings_of(row, stage).values()
    return any(setting.plans == "planner" for setting in settings)


def _neural_planner(workspace: Workspace, row: Row) -> PlanMaker:
    from d2t.plan.neural import NeuralPlanner

    planner = NeuralPlanner.load(workspace.asset(workspace.planner(row)))
    planner.sentences = True  # ``OrderOnly`` takes them away where they are not asked for
    return planner
