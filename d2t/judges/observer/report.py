"""The LAS of the outputs in a file, as a report (``d2t evaluate simulatability``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from d2t.errors import DataError
from d2t.judges.observer.items import value_items, verbalised_items
from d2t.judges.observer.simulatability import by_question, simulatability
from d2t.judges.observer.simulator import signature_of, simulate
from d2t.mr.reader import ReadOptions, RecordReader
from d2t.score.records import checker_for, read_evaluation_records
from d2t.score.report.report import markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from d2t.judges.observer.items import SimulationItem, Target
    from d2t.judges.observer.simulatability import Score, Simulatability
    from d2t.judges.observer.simulator import SimulatorConfig
    from d2t.mr.domain import Domain
    from d2t.mr.reader import ReadReport
    from d2t.score.bootstrap import Resampling
    from d2t.score.records import BadRecord


@dataclass(frozen=True, slots=True)
class SimulatabilityReport:
    """The LAS of the outputs in a file.

    Attributes:
        target: what the observers were asked.
        whole: over all items.
        by_slot: over the items of each slot.
        bad: records that could not be read.
        inputs: what reading the files ignored, guessed or took for absent.
    """

    target: Target
    whole: Simulatability
    by_slot: dict[str, Simulatability]
    bad: tuple[BadRecord, ...]
    inputs: tuple[ReadReport, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "target": self.target,
            **self.whole.as_dict(),
            "by_slot": {name: part.as_dict() for name, part in self.by_slot.items()},
            "bad": [item.as_dict() for item in self.bad],
            "inputs": [read.as_dict() for read in self.inputs],
        }

    def as_markdown(self) -> str:
        """A table with a row for all items and for each slot, and the scores beside it."""
        header = [
            "slot", "items", "leaking", "LAS", "d leaking", "d not leaking", "both", "input",
            "rationale", "majority",
        ]  # fmt: skip
        rows = [_cells(name, part) for name, part in {"all": self.whole, **self.by_slot}.items()]
        balanced = ", ".join(f"{seen} {score:.1f}" for seen, score in self.whole.balanced.items())
        return (
            f"{markdown_table(header, rows)}\n\n"
            f"both - input, not adjusted: {_cell(self.whole.unadjusted)}\n"
            f"balanced accuracy: {balanced}\n\n{self.whole.signature}\n"
        )


def judge_outputs(
    source: str,
    domain: Domain,
    target: Target,
    config: SimulatorConfig,
    resampling: Resampling,
    *,
    training: str | None = None,
    reading: ReadOptions | None = None,
    strict: bool = False,
    progress: Callable[[float, str], None] = lambda fraction, note: None,
) -> SimulatabilityReport:
    """The LAS of the outputs in a file (``d2t evaluate simulatability``).

    Args:
        source: a file of records with mr, text and, for the target ``verbalised``, plan.
        domain: of the MRs.
        target: what observers are asked.
        config: settings of the observers.
        resampling: of the intervals.
        training: a file of outputs that observers learn from; None: cross-fitting.
        reading: how the files are read; a ``limit`` holds for ``source`` only.
        strict: raise at the first bad record; else bad records are listed in the report.
        progress: called with the share done and a note.

    Raises:
        DataError: there are no records, or too few.
    """
    options = reading or ReadOptions()
    reader = RecordReader(source, domain, options)
    items, bad = _items(reader, target, domain, strict=strict)
    inputs, taught = [reader.report], None
    if training is not None:
        reader = RecordReader(training, domain, replace(options, limit=None))
        taught, bad_training = _items(reader, target, domain, strict=strict)
        bad += bad_training
        inputs.append(reader.report)
    judged = simulate(items, config, taught, progress=progress)
    signature = signature_of(domain, target, config, resampling, cross_fitted=training is None)
    return SimulatabilityReport(
        target,
        simulatability(judged, resampling, signature=signature),
        {name: simulatability(part, resampling) for name, part in by_question(judged).items()},
        tuple(bad),
        tuple(inputs),
    )


def _items(
    records: RecordReader, target: Target, domain: Domain, *, strict: bool
) -> tuple[list[SimulationItem], list[BadRecord]]:
    need_plan = target == "verbalised"
    good, bad = read_evaluation_records(records, domain, strict=strict, need_plan=need_plan)
    if bad and not good:
        why = f"all {len(bad)} lines are bad; the first: {bad[0].error.message}"
        raise DataError(f"nothing to simulate: {why}", code="empty_file")
    if target == "value":
        return value_items(good, domain), bad
    return verbalised_items(good, checker_for(domain)), bad


def _cells(name: str, part: Simulatability) -> list[str]:
    scores = [part.las, part.leaking, part.nonleaking, *part.accuracy.values()]
    counts = [name, str(part.n_items), str(part.n_leaking)]
    return [*counts, *map(_cell, scores), f"{part.majority:.1f}"]


def _cell(score: Score) -> str:
    if score.score != score.score:
        return "-"
    return f"{score.score:.1f} [{score.low:.1f}, {score.high:.1f}]"
