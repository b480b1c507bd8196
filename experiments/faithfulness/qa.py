"""``python -m experiments.faithfulness.qa``: are the question-answering metrics good judges?

Trains the model (once), makes development references wrong in known ways, judges everything by
every metric and by the slot checker, and writes ``report.json`` and ``report.md``. What is there
already and still answers what is asked is not done again. ``--outputs NAME=FILE.jsonl`` adds
outputs of others than the TOML's systems (fields ``mr``, ``text``).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from d2t.corpus.load import load_split
from d2t.errors import D2TError, UsageError
from d2t.judges.qa.hard_cases import load_hard_cases
from d2t.judges.qa.model import MANIFEST
from d2t.judges.qa.reader import QAReader
from d2t.judges.qa.training.qa import utterances_of
from d2t.judges.qa.training.qa_pairs import Utterance
from d2t.mr.domain import load_domain
from d2t.mr.types import MeaningRepresentation, Slot
from d2t.score.records import read_evaluation_records
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from experiments.faithfulness.command import Command, Found
from experiments.faithfulness.qa_config import load_experiment
from experiments.faithfulness.qa_corruptions import CONTROL, MR_SIDE, TEXT_SIDE, Corruptor, Judged
from experiments.faithfulness.qa_corruptions import intact as untouched
from experiments.faithfulness.qa_distractors import distractor_conditions
from experiments.faithfulness.qa_judge import judge
from experiments.faithfulness.qa_report import as_markdown, report
from experiments.faithfulness.qa_train import DOMAIN, holds, trained_model
from experiments.faithfulness.systems import records_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from d2t.mr.domain import Domain
    from experiments.faithfulness.command import Places
    from experiments.faithfulness.qa_config import QAExperiment


def conditions(
    experiment: QAExperiment,
    dev: Sequence[Utterance],
    domain: Domain,
    checker: SlotChecker,
    unseen: Sequence[Utterance] = (),
) -> dict[str, list[Judged]]:
    """Every condition's records, the intact ones among them.

    Args:
        experiment: how many, and what was held out.
        dev: what is judged, and corrupted.
        domain: of both.
        checker: says where a value stands in a text.
        unseen: more utterances that hold a held-out value: those that training left out, since
            development MRs may have hardly any.
    """
    corruptor = Corruptor(dev, domain, checker)
    usual = [u for u in dev if not holds(u, experiment.held_out_values)][: experiment.records]
    of_dev = [u for u in dev if holds(u, experiment.held_out_values)]
    unseen = [*of_dev, *unseen][: experiment.records]
    invented = [
        made
        for at, u in enumerate(dev[: experiment.records])
        if (made := with_invented(u, experiment, at)) is not None
    ]
    found = {"intact": untouched(usual)}
    for kind in (*MR_SIDE, *TEXT_SIDE, CONTROL):
        found[kind] = _drawn(corruptor, kind, usual, experiment.seed)
    for name, utterances, values in (
        ("held_out_value", unseen, experiment.held_out_values),
        ("invented_value", invented, experiment.invented_values),
    ):
        found[f"{name}_intact"] = untouched(utterances)
        found[f"{name}_swap"] = [
            Judged(f"{name}-{at}", mr, u.text)
            for at, u in enumerate(utterances)
            if (mr := swapped_away(u, values, corruptor, at, experiment.seed)) is not None
        ]
    return {name: records for name, records in found.items() if records}


def with_invented(u: Utterance, experiment: QAExperiment, at: int) -> Utterance | None:
    """The utterance with a value that nobody lists, in the text and the MR alike."""
    for name, values in experiment.invented_values.items():
        for slot in u.mr.slots:
            if slot.name == name and u.text.count(slot.value) == 1:
                new = Slot(name, values[at % len(values)])
                slots = tuple(new if s == slot else s for s in u.mr.slots)
                mr = MeaningRepresentation(slots, u.mr.dialogue_act)
                return Utterance(mr, u.text.replace(slot.value, new.value))
    return None


def swapped_away(
    u: Utterance,
    values: dict[str, tuple[str, ...]],
    corruptor: Corruptor,
    at: int,
    seed: int,
) -> MeaningRepresentation | None:
    """The MR with a familiar value where it has one of ``values``."""
    rng = derived_rng(seed, "away", at)
    slot = next(s for s in u.mr.slots if s.value in values.get(s.name, ()))
    other = corruptor.other_value(slot, u, rng)
    if other is None:
        return None
    new = Slot(slot.name, other)
    slots = tuple(new if s == slot else s for s in u.mr.slots)
    return MeaningRepresentation(slots, u.mr.dialogue_act)


def _drawn(
    corruptor: Corruptor, kind: str, utterances: Sequence[Utterance], seed: int
) -> list[Judged]:
    drawn = (
        corruptor.draw(kind, at, u, derived_rng(seed, kind, at)) for at, u in enumerate(utterances)
    )
    return [record for record in drawn if record is not None]


def systems(named: Sequence[str], domain: Domain, limit: int) -> dict[str, list[Judged]]:
    """Outputs of systems, by name.

    Raises:
        UsageError: not NAME=FILE.
    """
    found = {}
    for item in named:
        name, separator, path = item.partition("=")
        if not separator:
            raise UsageError(f"--outputs {item}: expected NAME=FILE.jsonl")
        records, _ = read_evaluation_records(path, domain, limit=limit)
        found[f"system:{name}"] = [Judged(r.id, r.mr, r.text) for r in records]
    return found


def said_by_systems(
    experiment: QAExperiment, domain: Domain, runs: Path
) -> tuple[dict[str, list[Judged]], list[str]]:
    """Some texts of each system of the TOML; the systems that are not there, with the reason."""
    found, failed = {}, []
    for system in experiment.systems:
        try:
            records = records_of(
                system, experiment.corpus, "dev", domain, runs, n_mrs=None, seed=experiment.seed
            )
        except D2TError as error:
            failed.append(f"{system.name}: {error}")
            continue
        derived_rng(experiment.seed, "systems").shuffle(records)
        some = records[: experiment.system_records]
        found[f"system:{system.name}"] = [Judged(r.id, r.mr, r.text) for r in some]
    return found, failed


def evaluate(
    experiment: QAExperiment, folder: Path, outputs: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """Train and judge whatever is missing; the content of the report, and what failed."""
    reader = QAReader(trained_model(experiment, folder / "model"))
    domain = reader.model.domain
    checker = SlotChecker.for_domain(domain)
    dev = utterances_of(load_split(experiment.corpus, "dev", domain), checker, domain, "given")
    derived_rng(experiment.seed, "judged").shuffle(dev)
    cases = load_hard_cases(load_domain(DOMAIN))  # the model's own copy has none
    everything = conditions(experiment, dev, domain, checker, _left_out(experiment, checker))
    everything |= distractor_conditions(experiment, dev, domain, checker)
    everything["hard"] = [Judged(case.id, case.mr, case.text) for case in cases]
    said, failed = said_by_systems(experiment, domain, folder)
    everything |= said | systems(outputs, domain, experiment.records)
    some = experiment.diverse_records
    diverse = {f"diverse:{name}": everything[name][:some] for name in ("intact", *MR_SIDE) if some}
    judged = {}
    for name, records in (everything | diverse).items():
        path = judged_file(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        judged[name] = judge(
            records, reader, checker, path,
            n_wordings=experiment.n_wordings, diverse=name in diverse,
        )  # fmt: skip
        print(f"{name}: {len(records)} judged", file=sys.stderr, flush=True)
    found = report(judged, cases)
    facts = {"model": reader.digest, "questions": reader.questions.digest}
    return {**facts, "training": reader.model.info, **found}, failed


def _left_out(experiment: QAExperiment, checker: SlotChecker) -> list[Utterance]:
    """Training utterances that the model has not seen, since they hold a held-out value."""
    domain = checker.domain
    held_out = [
        example
        for example in load_split(experiment.corpus, "train", domain)
        if holds(example, experiment.held_out_values)
    ]
    found = utterances_of(held_out, checker, domain, "given")
    derived_rng(experiment.seed, "held out").shuffle(found)
    return found


def judged_file(folder: Path, name: str) -> Path:
    """Where the judgements of one condition are."""
    return folder / "judged" / f"{name.replace(':', '-')}.json"


def _run(experiment: QAExperiment, places: Places, args: argparse.Namespace) -> Found:
    found, failed = evaluate(experiment, places.runs, args.outputs)
    data = {"model": found["model"], "questions": found["questions"]}
    return Found(found, [experiment.seed, experiment.model.seed], data, tuple(failed))


def _steps(experiment: QAExperiment, places: Places) -> list[Path]:
    names = ["intact", *MR_SIDE, *TEXT_SIDE, CONTROL, "hard"]
    return [places.runs / "model" / MANIFEST, *(judged_file(places.runs, n) for n in names)]


COMMAND = Command(
    name="qa",
    doc=__doc__,
    load=load_experiment,
    run=_run,
    table=lambda experiment, manifest: as_markdown(manifest["metrics"]),
    steps=_steps,
    options={"--outputs": {"action": "append", "default": [], "metavar": "NAME=FILE.jsonl"}},
    threads=None,
    files=("report.json", "report.md"),
)
main = COMMAND.main

if __name__ == "__main__":
    sys.exit(main())
