"""The judges of a system's texts: slot checker, QA model, learned parser; and whose texts they are.

Each judge leaves statistics of each record. All numbers and paired tests are computed from these.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np
from pydantic import Field, model_validator

from d2t.corpus.group import group_references
from d2t.corpus.load import load_split
from d2t.errors import DataError
from d2t.generate.load import load
from d2t.generate.types import GenerationRequest
from d2t.io.atomic import atomic_write_json
from d2t.io.hashing import sha256_file
from d2t.io.manifest import git_state
from d2t.judges.parser.classifier import MANIFEST, LearnedParser, labels_of, merged_labels
from d2t.judges.parser.training import ParserConfig, read_texts, train_parser
from d2t.judges.qa.report import QAOptions, QAReport, judge_records, signature
from d2t.language.template import template_of
from d2t.mr.types import Plan
from d2t.plan.untrained import order_of
from d2t.score.bootstrap import Resampling, paired_bootstrap
from d2t.score.metric import ratio
from d2t.score.order import OrderAccuracy
from d2t.score.records import EvaluationRecord, check_records, read_evaluation_records
from d2t.score.report.report import markdown_table
from d2t.score.text import bleu
from d2t.seeding import derived_rng
from d2t.slots.checker import SlotChecker
from d2t.train.config.load import bundle_digest
from experiments.engine.config import Section
from experiments.engine.steps import existing_bundle, is_current, read_json, write_outputs_once
from experiments.engine.table import difference_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from d2t.judges.qa.reader import QAReader
    from d2t.mr.domain import Domain
    from d2t.mr.types import MeaningRepresentation
    from d2t.score.bootstrap import FloatArray
    from d2t.slots.types import Alignment
    from experiments.engine.command import Places
    from experiments.engine.steps import Matrix, Rows, StepResult


class Task(Protocol):
    """What a text should say, and what people said."""

    @property
    def mr(self) -> MeaningRepresentation:
        """The content."""
        ...

    @property
    def references(self) -> tuple[str, ...]:
        """Texts of people."""
        ...


@dataclass(frozen=True)
class Judges:
    """The slot checker, and whoever else there is.

    Attributes:
        reader: a QA model that chose nothing.
        parser: was not trained on the lexicon; names and landmarks are the checker's placeholders
            in the texts that it reads.
        parser_name: what tells it from another one.
        n_wordings: questions a slot.
    """

    checker: SlotChecker
    reader: QAReader | None = None
    parser: LearnedParser | None = None
    parser_name: str | None = None
    n_wordings: int = 1

    @property
    def names(self) -> dict[str, str | None]:
        """What tells each of them from another of its kind."""
        return {
            "lexicon": self.checker.lexicon_digest,
            "qa": None if self.reader is None else self.reader.digest,
            "parser": self.parser_name,
        }

    def rows(
        self, path: Path, said: dict[str, Any], asked: Sequence[Task], *, plans: bool = False
    ) -> Rows:
        """The statistics of an outputs file; beside it stands what they are of.

        Args:
            path: written by ``write_outputs``.
            said: its identity.
            asked: for each text, in the file's order.
            plans: whether the order is judged too: of the plans that the texts followed.

        Raises:
            DataError: the file holds other texts.
        """
        scores = path.with_suffix(".scores.json")
        identity = {**said, **self.names}
        if not is_current(scores, identity):
            records, bad = read_evaluation_records(str(path), self.checker.domain)
            if bad or len(records) != len(asked):
                raise DataError(f"{path} is not what an arm says; remove it and go on")
            whole = [
                EvaluationRecord(r.id, a.mr, r.text, r.plan if plans else None, a.references)
                for r, a in zip(records, asked, strict=True)
            ]
            rows = judged_rows(
                whole, self.checker, self.reader, self.parser, n_wordings=self.n_wordings
            )
            made = {"identity": identity, "git": git_state(), "rows": rows}
            atomic_write_json(scores, made)
        found: Rows = read_json(scores)["rows"]
        return found


class Experiment(Section):
    """What the files of all experiments on systems say.

    Attributes:
        title: heading of the table.
        results: folder under ``experiments/results/faithfulness`` and ``runs/faithfulness``.
        n_mrs: the first so many MRs; None: all.
    """

    title: str
    results: str = Field(pattern=r"^[a-z0-9-]+$")
    n_mrs: int | None = Field(default=None, ge=1)


class Parser(Section):
    """The learned parser, trained once; it sees the MRs as given, not our lexicon, by default."""

    corpus: str
    config: ParserConfig = ParserConfig(labels="given")


def parser_judge(
    wanted: Parser | None, checker: SlotChecker, places: Places
) -> tuple[LearnedParser | None, str | None]:
    """The parser of all experiments whose runs are beside each other, and what tells it apart."""
    if wanted is None:
        return None, None
    folder = places.runs.parent / f"parser-{wanted.corpus}"
    return parser_model(wanted, checker, folder), sha256_file(folder / MANIFEST)


def parser_model(wanted: Parser, checker: SlotChecker, folder: Path) -> LearnedParser:
    """The parser in ``folder`` when it was trained as asked, else a new one."""
    identity = {**wanted.model_dump(mode="json"), "lexicon": checker.lexicon_digest}
    if (folder / MANIFEST).is_file():
        parser = LearnedParser.load(folder)
        if parser.info.get("identity") == identity:
            return parser
    examples = load_split(wanted.corpus, "train", checker.domain)
    texts = read_texts(examples, checker, checker.domain, wanted.config.labels)
    parser = train_parser(texts, checker.domain, wanted.config)
    parser.info["identity"] = identity
    parser.save(folder)
    return parser


KINDS = ("missing", "wrong", "added", "repeated")


def parser_errors(
    said: Sequence[tuple[MeaningRepresentation, Alignment]], domain: Domain, parser: LearnedParser
) -> FloatArray:
    """``(texts, 3)``: labels missing, added or wrong, and wanted, synonyms taken as one."""
    rows = []
    for (mr, _), read in zip(
        said, parser.parse([template_of(alignment, domain) for _, alignment in said]), strict=True
    ):
        wanted = labels_of(mr.slots, domain, merge_synonyms=True)
        heard = merged_labels(read.slots, domain)
        missing = len({name for name, _ in wanted} - {name for name, _ in heard})
        rows.append([missing, len(heard - wanted), len(wanted)])
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3)


SINGLE = "missing_single"
METRICS = {
    "missing": "missing %", SINGLE: "missing %, one value a slot", "wrong": "wrong %",
    "added": "added %", "repeated": "repeated %",
    "ser": "SER %", "exact": "exact %", "order": "order %", "bleu": "BLEU", "words": "words",
    "qa_f1": "QA F1", "qa_missing": "QA missing %", "qa_wrong": "QA wrong %",
    "qa_added": "QA added %", "qa_exact": "QA exact %",
    "parser_missing": "parser missing %", "parser_wrong": "parser wrong or added %",
    "distinct1": "distinct-1 %", "distinct2": "distinct-2 %", "copied": "copied %",
}  # fmt: skip
"""In the order of the table; those that nothing judged are left out."""
_MEANS = ("words", "qa_f1")
_WITHOUT_JUDGE = ("bleu", "words", "distinct1", "distinct2")


def judged_rows(
    records: Sequence[EvaluationRecord],
    checker: SlotChecker,
    reader: QAReader | None,
    parser: LearnedParser | None,
    *,
    n_wordings: int,
) -> Rows:
    """Statistics of every metric: ``[count, of]`` of rates, sacreBLEU's own of BLEU.

    Of the order only where every record has a plan.
    """
    checked = check_records(records, checker)
    errors = np.array(
        [[*(len(getattr(c.report, kind)) for kind in KINDS), c.report.n_slots] for c in checked],
        dtype=np.float64,
    )
    slots = errors[:, 4]
    ones = np.ones(len(records))
    found: dict[str, FloatArray] = {
        kind: np.stack([errors[:, at], slots], axis=1) for at, kind in enumerate(KINDS)
    }
    found["ser"] = np.stack([errors[:, :4].sum(axis=1), slots], axis=1)
    found["exact"] = np.stack([(errors[:, :4].sum(axis=1) == 0).astype(float), ones], axis=1)
    found["words"] = np.array([[float(len(r.text.split())), 1.0] for r in records])
    found["bleu"] = bleu().statistics(checked)
    if all(record.plan is not None for record in records):
        found["order"] = OrderAccuracy(checker.domain, checker).statistics(checked)
    if reader is not None:
        options = QAOptions(modes=("consistency",), n_wordings=n_wordings)
        report = QAReport(signature(reader, options))
        list(judge_records(records, reader, options, report))
        lines = [{name: value or 0.0 for name, value in line.items()} for line in report.lines]
        for kind in ("missing", "wrong", "added"):
            counts = np.array([line[f"consistency_{kind}"] for line in lines])
            found[f"qa_{kind}"] = np.stack([counts, slots], axis=1)
        found["qa_f1"] = np.array([[line["consistency_f1"], 1.0] for line in lines])
        found["qa_exact"] = np.array([[line["consistency_exact"] / 100, 1.0] for line in lines])
    if parser is not None:
        texts = [(c.record.mr, c.report.alignment) for c in checked]
        read = parser_errors(texts, checker.domain, parser)
        found["parser_missing"], found["parser_wrong"] = read[:, [0, 2]], read[:, [1, 2]]
    return {name: rows.tolist() for name, rows in found.items()}


def with_single(kept: StepResult, mrs: Sequence[MeaningRepresentation]) -> StepResult:
    """Missing slots of the records that have no slot twice, beside those of all.

    A second value that goes unsaid is missing to the slot checker; judges that look for any of a
    slot's values do not count it.

    Args:
        kept: an arm's statistics.
        mrs: of its records, in order.
    """
    rows = [
        row if len(set(mr.names)) == len(mr.slots) else [0.0] * len(row)
        for row, mr in zip(kept.rows["missing"], mrs, strict=True)
    ]
    return kept._replace(rows={**kept.rows, SINGLE: rows})


def score_of(metric: str) -> Callable[[FloatArray], FloatArray]:
    """From totals ``(r, k)`` to scores ``(r,)``."""
    if metric == "bleu":
        return bleu().scores
    if metric in _MEANS:
        return lambda totals: totals[:, 0] / totals[:, 1]
    return lambda totals: ratio(totals[:, 0], totals[:, 1])


def score(metric: str, rows: Matrix) -> float:
    """The metric over all records."""
    totals = np.asarray(rows, dtype=np.float64).sum(axis=0, keepdims=True)
    return float(score_of(metric)(totals)[0])


def compared(
    metric: str,
    plain: Sequence[Sequence[Sequence[float]]],
    other: Sequence[Sequence[Sequence[float]]],
) -> dict[str, Any]:
    """``other`` - ``plain``, seeds added up MR by MR, with a paired bootstrap over MRs.

    Args:
        metric: what is compared.
        plain: by seed, the rows of one arm.
        other: of the other.
    """
    sums = [np.asarray(arm, dtype=np.float64).sum(axis=0) for arm in (plain, other)]
    return {name: round(value, 4) for name, value in difference(metric, *sums).items()}


def difference(metric: str, plain: FloatArray, other: FloatArray) -> dict[str, float]:
    """``other`` - ``plain`` with a paired bootstrap over records: statistics ``(records, k)``."""
    result = paired_bootstrap(score_of(metric), plain, other, Resampling())
    return {"difference": result.difference, "low": result.low, "high": result.high,
            "p": result.p_value}  # fmt: skip


def same_judge(metric: str, plain: StepResult, own: StepResult) -> bool:
    """Whether one and the same model, or lexicon, gave the metric to both.

    What is kept outlives the models that judged it; those of another machine are others.
    """
    judge = "qa" if metric.startswith("qa_") else "parser" if metric.startswith("parser_") else None
    if judge is None and metric not in _WITHOUT_JUDGE:
        judge = "lexicon"
    judges = [arm.facts.get("judges", {}).get(judge) for arm in (plain, own)]
    return bool(judges[0] == judges[1])


def tested(
    plain: Mapping[int, StepResult], own: Mapping[int, StepResult], keys: Sequence[str]
) -> dict[str, Any]:
    """``own`` - ``plain`` over the seeds that both have, and how many; empty: they share none.

    Beside the difference of all stand those of single seeds. What two judges of one kind have said
    is not compared.

    Args:
        plain: by seed, one arm.
        own: the other.
        keys: of their rows: a metric, or ``SETTING/METRIC``; those that one lacks are left out.
    """
    seeds = [seed for seed in own if seed in plain]
    if not seeds:
        return {}
    found: dict[str, Any] = {"seeds": len(seeds)}
    for key in keys:
        metric = key.rpartition("/")[2]
        there = all(key in arm[seed].rows for arm in (plain, own) for seed in seeds)
        if not there or not all(same_judge(metric, plain[s], own[s]) for s in seeds):
            continue
        sides = [[arm[seed].rows[key] for seed in seeds] for arm in (plain, own)]
        alone = [round(score(metric, b) - score(metric, a), 4) for a, b in zip(*sides, strict=True)]
        found[key] = {**compared(metric, *sides), "by_seed": alone}
    return found


def scores_by_seed(seeds: Sequence[Rows], setting: str = "") -> dict[str, list[float]]:
    """By metric, the score of each seed; ``setting`` stands before it in the rows' names."""
    return {
        metric: [round(score(metric, rows[setting + metric]), 4) for rows in seeds]
        for metric in METRICS
        if setting + metric in seeds[0]
    }


def differences_table(
    tests: Iterable[tuple[str, Mapping[str, Any]]],
    columns: Mapping[str, str],
    cell: Callable[[Mapping[str, Any] | None], str] = difference_cell,
) -> str:
    """Markdown: a line for each arm, given by its label and what ``tested`` gives.

    Args:
        tests: label and differences.
        columns: from keys of the differences to titles.
        cell: writes one difference.
    """
    lines = [
        [label, str(found["seeds"]), *(cell(found.get(key)) for key in columns)]
        for label, found in tests
    ]
    return markdown_table(["arm", "seeds", *columns.values()], lines)


class System(Section):
    """A model, or people.

    Attributes:
        bundle: a model, which says the MRs greedily in its own orders; or
        references: a corpus, of whose split each MR is given one of its texts of people.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    label: str
    bundle: str | None = None
    references: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.bundle is None) == (self.references is None):
            raise ValueError("give either a bundle or references")
        return self


def records_of(
    system: System,
    corpus: str,
    split: Literal["dev", "test"],
    domain: Domain,
    runs: Path,
    *,
    n_mrs: int | None,
    seed: int,
) -> list[EvaluationRecord]:
    """What the system says, said once; or one text of people for each MR.

    Args:
        system: who speaks.
        corpus: MRs that a model says; people have MRs of their own corpus.
        split: of it.
        domain: of both.
        runs: outputs are kept in a folder of it.
        n_mrs: the first so many; None: all.
        seed: of which text of people an MR is given.

    Raises:
        D2TError: there is no such model, or no such corpus.
    """
    if system.bundle is None:
        checker = SlotChecker.for_domain(domain)
        records = []
        for example in group_references(load_split(str(system.references), split, domain))[:n_mrs]:
            text = derived_rng(seed, "reference", example.id).choice(example.references)
            order = order_of(checker.align(text, example.mr).plan(), example.mr)
            records.append(EvaluationRecord(example.id, example.mr, text, Plan(order.slots)))
        return records
    path = runs / "outputs" / f"{system.name}.jsonl"
    digest = bundle_digest(existing_bundle(system.bundle))
    said = {"bundle": digest, "corpus": corpus, "split": split, "n_mrs": n_mrs}
    if not is_current(path.with_suffix(".json"), said):
        groups = group_references(load_split(corpus, split, domain))
        requests = [GenerationRequest(e.id, e.mr) for e in groups[:n_mrs]]
        generator = partial(load, system.bundle, engine="torch", beam_size=1)
        write_outputs_once(generator, requests, path, said)
    return read_evaluation_records(str(path), domain, strict=True, need_plan=True)[0]
