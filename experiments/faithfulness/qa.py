"""``python -m experiments.faithfulness.qa``: are the question-answering metrics good judges?

Trains the model (once), makes development references wrong in known ways, judges everything by
every metric and by the slot checker, and writes ``report.json`` and ``report.md``. What is there
already and still answers what is asked is not done again. ``--outputs NAME=FILE.jsonl`` adds
outputs of others than the TOML's systems (fields ``mr``, ``text``).
"""

from __future__ import annotations

import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import Field

from d2t.corpus.load import load_split
from d2t.errors import D2TError, UsageError
from d2t.io.atomic import atomic_write_json
from d2t.io.hashing import sha256_json
from d2t.judges.qa.consistency import consistency, questeval
from d2t.judges.qa.contexts import context_pair
from d2t.judges.qa.model import MANIFEST, QAModel
from d2t.judges.qa.quals import QualsOptions, QualsScore, quals
from d2t.judges.qa.questions import load_questions
from d2t.judges.qa.reader import QAReader
from d2t.judges.qa.training.distractor_frames import load_frames
from d2t.judges.qa.training.pairs import Utterance
from d2t.judges.qa.training.train import QAConfig, distractor_of, train_qa, utterances_of
from d2t.mr.domain import load_domain
from d2t.mr.types import Slot
from d2t.score.records import read_evaluation_records
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from d2t.train.loop.progress import Lines
from experiments.engine.command import Command, Outcome
from experiments.engine.config import Section
from experiments.engine.steps import is_current, read_json
from experiments.faithfulness.hard_cases import load_hard_cases
from experiments.faithfulness.judges import System, records_of
from experiments.faithfulness.qa_corruptions import (
    CONTROL,
    DOMAIN,
    FAITHFUL,
    KNOWN,
    MISREAD,
    MOVED,
    MR_SIDE,
    TEXT_SIDE,
    Corruptor,
    JudgedRecord,
    drawn,
    holds,
    moved,
    replaced,
)
from experiments.faithfulness.qa_corruptions import intact as untouched
from experiments.faithfulness.qa_report import as_markdown, report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from d2t.judges.qa.types import ContextPair
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from experiments.engine.command import Places


class QAExperiment(Section):
    """``qa.toml``.

    Attributes:
        results: folder under ``experiments/results/faithfulness`` and ``runs/faithfulness``.
        corpus: whose training split teaches and whose development split is judged.
        seed: of every draw but the model's.
        utterances: training utterances; 0: all.
        records: development references, each once intact and once in every corruption.
        diverse_records: the first so many of them are also judged with diverse beam search.
        distracted_records: references into each of which a clause is put that is not about its
            subject; 0: none.
        n_wordings: questions a slot in the consistency modes.
        held_out_values: by slot, values whose utterances no training sees.
        invented_values: by slot, values that replace those of text and MR.
        systems: whose texts for development MRs are judged, beside ``--outputs``.
        system_records: so many of each, drawn.
        model: how the model is trained.
    """

    results: str = Field(default="qa", pattern=r"^[a-z0-9-]+$")
    corpus: str
    seed: int
    utterances: int = Field(ge=0)
    records: int = Field(ge=1)
    diverse_records: int = Field(ge=0)
    distracted_records: int = Field(default=0, ge=0)
    n_wordings: int = Field(ge=1)
    held_out_values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    invented_values: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    systems: tuple[System, ...] = ()
    system_records: int = Field(default=500, ge=1)
    model: QAConfig = QAConfig()


def trained_model(experiment: QAExperiment, folder: Path) -> QAModel:
    """The model in ``folder`` when it was trained as ``experiment`` says, else a new one.

    Some development references choose its epoch by their loss (eight values); what is judged by it
    later are these among others.
    """
    domain = load_domain(DOMAIN)
    questions, frames = load_questions(domain), load_frames(domain)
    identity = {
        **experiment.model_dump(
            mode="json", include={"corpus", "seed", "utterances", "held_out_values", "model"}
        ),
        "questions": questions.digest,
        "domain": domain.digest,
        "distractors": frames.digest if frames and experiment.model.draws.distracted else None,
    }
    if (folder / MANIFEST).is_file():
        info = read_json(folder / MANIFEST).get("info", {})
        if info.get("identity") == identity:
            return QAModel.load(folder)
    checker = SlotChecker.for_domain(domain)
    splits: dict[str, list[Utterance]] = {}
    for split, limit in (("train", experiment.utterances), ("dev", 0)):
        examples = load_split(experiment.corpus, "train" if split == "train" else "dev", domain)
        found = utterances_of(examples, checker, domain, experiment.model.labels)
        kept = [u for u in found if not holds(u, experiment.held_out_values)]
        derived_rng(experiment.seed, split).shuffle(kept)
        splits[split] = kept[: limit or None]
    model = train_qa(
        splits["train"], splits["dev"], domain, questions, experiment.model,
        frames=frames, progress=Lines(50),
    )  # fmt: skip
    model.info["identity"] = identity
    model.save(folder)
    return model


BATCH = 64
Row = dict[str, float | None]


def judge(
    records: Sequence[JudgedRecord],
    reader: QAReader,
    checker: SlotChecker,
    path: Path,
    *,
    n_wordings: int,
    diverse: bool = False,
) -> dict[str, Any]:
    """Scores of every record and the seconds each mode took; read from ``path`` when it fits."""
    identity = {
        "records": sha256_json([[r.id, [str(s) for s in r.mr.slots], r.text] for r in records]),
        "model": reader.digest,
        "questions": reader.questions.digest,
        "lexicon": checker.lexicon_digest,
        "n_wordings": n_wordings,
        "diverse": diverse,
    }
    if is_current(path, identity):
        found: dict[str, Any] = read_json(path)
        return found
    rows: list[Row] = []
    seconds: dict[str, float] = {}
    for start in range(0, len(records), BATCH):
        chunk = records[start : start + BATCH]
        rows += _rows(chunk, reader, checker, seconds, n_wordings=n_wordings, diverse=diverse)
    kinds = [record.kind for record in records]
    made = {
        "identity": identity, "n": len(rows), "seconds": seconds, "rows": rows, "kinds": kinds
    }  # fmt: skip
    atomic_write_json(path, made)
    return made


def _rows(
    chunk: Sequence[JudgedRecord],
    reader: QAReader,
    checker: SlotChecker,
    seconds: dict[str, float],
    *,
    n_wordings: int,
    diverse: bool,
) -> list[Row]:
    pairs = [context_pair(r.mr, r.text, reader.domain, reader.questions) for r in chunk]

    def timed(name: str, call: Callable[[], Any]) -> Any:
        """The result; its time is added up."""
        began = time.perf_counter()
        result = call()
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
        return result

    reports = timed(
        "checker", lambda: [checker.check(r.text, r.mr, merge_synonyms=True) for r in chunk]
    )
    if diverse:
        # The source's QUALS and its QAGS ask what the text gives rise to: these two compare.
        options = QualsOptions("diverse")
        own = timed("quals_diverse", lambda: quals(pairs, reader, options, sides=("text",)))
        timed("qags", lambda: qags(pairs, reader, options))
        back = timed("quals_diverse_recall", lambda: quals(pairs, reader, options, sides=("mr",)))
        scores = [QualsScore((*a.pairs, *b.pairs)) for a, b in zip(own, back, strict=True)]
        return [
            _quals_row(score, r.slot, "diverse") for score, r in zip(scores, chunk, strict=True)
        ]
    q = timed("quals", lambda: quals(pairs, reader))
    c = timed("consistency", lambda: consistency(pairs, reader, n_wordings=n_wordings))
    e = timed("questeval", lambda: questeval(pairs, reader, n_wordings=n_wordings))
    held = timed("held_out_wordings", lambda: consistency(pairs, reader, held_out=True))
    return [
        {
            "checker": -float(reports[at].n_errors),
            "n_slots": float(len(record.mr.slots)),
            **_quals_row(q[at], record.slot, "quals"),
            "consistency_f1": c[at].f1,
            "consistency_mean_log_p": c[at].mean_log_p,
            "consistency_worst_log_p": c[at].worst_log_p,
            "held_out_wordings_f1": held[at].f1,
            "held_out_wordings_worst_log_p": held[at].worst_log_p,
            "questeval": e[at].score,
        }
        for at, record in enumerate(chunk)
    ]


def qags(pairs: Sequence[ContextPair], reader: QAReader, options: QualsOptions) -> list[float]:
    """The steps of QAGS with one model: generate questions, answer each on both contexts.

    For its cost: the share of answers that agree (no token F1, which costs nothing).
    """
    texts, data = [p.text for p in pairs], [p.data for p in pairs]
    found = reader.proposals(texts, n_groups=options.n_groups, penalty=options.penalty)
    rows = [(at, pair.question) for at, some in enumerate(found) for pair in dict.fromkeys(some)]
    on_text, on_data = reader.answers(texts, rows), reader.answers(data, rows)
    agree: list[list[bool]] = [[] for _ in pairs]
    for (at, _), one, other in zip(rows, on_text, on_data, strict=True):
        agree[at].append(one == other)
    return [sum(some) / len(some) if some else 0.0 for some in agree]


def _quals_row(score: QualsScore, slot: str, name: str) -> Row:
    """Every reading of QUALS; ``rest`` leaves the pairs about the wrong slot out (rule F5.3)."""
    rest = [p.difference for p in score.pairs if p.pair.slot != slot and p.side == "text"]
    back = [p.difference for p in score.pairs if p.pair.slot != slot and p.side == "mr"]
    answers = [p.answer_difference for p in score.pairs]
    return {
        f"{name}_precision": score.precision,
        f"{name}_recall": score.recall,
        f"{name}_sum": score.total,
        f"{name}_mean": score.mean,
        f"{name}_worst": score.worst,
        f"{name}_answers_only": sum(answers) / len(answers) if answers else None,
        f"{name}_rest_precision": sum(rest) / len(rest) if rest else None,
        f"{name}_rest_recall": sum(back) / len(back) if back else None,
    }


def conditions(
    experiment: QAExperiment,
    dev: Sequence[Utterance],
    domain: Domain,
    checker: SlotChecker,
    unseen: Sequence[Utterance] = (),
) -> dict[str, list[JudgedRecord]]:
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
            JudgedRecord(f"{name}-{at}", mr, u.text)
            for at, u in enumerate(utterances)
            if (mr := swapped_away(u, values, corruptor, at, experiment.seed)) is not None
        ]
    return {name: records for name, records in found.items() if records}


def distractor_conditions(
    experiment: QAExperiment, dev: Sequence[Utterance], domain: Domain, checker: SlotChecker
) -> dict[str, list[JudgedRecord]]:
    """The records of every condition; none where the experiment or the domain has no frames.

    Only references are taken on which the checker agrees with the MR: two judges stand behind them.
    """
    frames = load_frames(load_domain(DOMAIN))  # the model's own copy of the domain has none
    if frames is None or not experiment.distracted_records:
        return {}
    train = utterances_of(load_split(experiment.corpus, "train", domain), checker, domain, "given")
    seen, usual = (
        [u for u in utterances if not holds(u, experiment.held_out_values)]
        for utterances in (train, dev)
    )
    distractor = distractor_of(seen, frames, domain)
    agreed = (u for u in usual if not checker.check(u.text, u.mr, merge_synonyms=True).n_errors)
    sound = list(islice(agreed, experiment.distracted_records))
    found: dict[str, list[JudgedRecord]] = {}
    for end, held_out in (("", True), (KNOWN, False)):
        made = drawn(sound, distractor, experiment.seed, held_out=held_out)
        found[f"{FAITHFUL}{end}"] = [right for right, _ in made]
        found[f"{MISREAD}{end}"] = [wrong for _, wrong in made]
    found[MOVED] = moved(sound, distractor, Corruptor(dev, domain, checker), experiment.seed)
    return {name: records for name, records in found.items() if records}


def with_invented(u: Utterance, experiment: QAExperiment, at: int) -> Utterance | None:
    """The utterance with a value that nobody lists, in the text and the MR alike."""
    for name, values in experiment.invented_values.items():
        for slot in u.mr.slots:
            if slot.name == name and u.text.count(slot.value) == 1:
                new = Slot(name, values[at % len(values)])
                return Utterance(replaced(u.mr, slot, new), u.text.replace(slot.value, new.value))
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
    return None if other is None else replaced(u.mr, slot, Slot(slot.name, other))


def _drawn(
    corruptor: Corruptor, kind: str, utterances: Sequence[Utterance], seed: int
) -> list[JudgedRecord]:
    drawn = (
        corruptor.draw(kind, at, u, derived_rng(seed, kind, at)) for at, u in enumerate(utterances)
    )
    return [record for record in drawn if record is not None]


def systems(named: Sequence[str], domain: Domain, limit: int) -> dict[str, list[JudgedRecord]]:
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
        found[f"system:{name}"] = [JudgedRecord(r.id, r.mr, r.text) for r in records]
    return found


def said_by_systems(
    experiment: QAExperiment, domain: Domain, runs: Path
) -> tuple[dict[str, list[JudgedRecord]], list[str]]:
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
        found[f"system:{system.name}"] = [JudgedRecord(r.id, r.mr, r.text) for r in some]
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
    everything["hard"] = [JudgedRecord(case.id, case.mr, case.text) for case in cases]
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


def _run(experiment: QAExperiment, places: Places, args: argparse.Namespace) -> Outcome:
    found, failed = evaluate(experiment, places.runs, args.outputs)
    data = {"model": found["model"], "questions": found["questions"]}
    return Outcome(found, [experiment.seed, experiment.model.seed], data, tuple(failed))


def _steps(experiment: QAExperiment, places: Places) -> list[Path]:
    names = ["intact", *MR_SIDE, *TEXT_SIDE, CONTROL, "hard"]
    return [places.runs / "model" / MANIFEST, *(judged_file(places.runs, n) for n in names)]


COMMAND = Command(
    name="qa",
    doc=__doc__,
    load=QAExperiment.read,
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
